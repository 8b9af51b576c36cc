"""The commands of ``snnc``, one module each; :mod:`snnc.cli` imports them when they are used."""
