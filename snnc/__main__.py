"""``python -m snnc``: the command line without its installed script."""

from snnc.cli import main

main()
