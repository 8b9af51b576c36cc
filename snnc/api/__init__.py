"""snnc from Python: ``snnc.check``, ``snnc.compile``, ``snnc.energy``, and what they give.

Its names are public as ``snnc.NAME``; the command line says the same with flags for arguments.
"""
