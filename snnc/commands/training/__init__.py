"""Commands that make checkpoints (``train``, ``tune``, ``convert``), and their own options."""
