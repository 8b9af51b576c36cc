"""Commands that measure: ``energy``, ``analyze``, ``bench`` and ``bench --target``."""
