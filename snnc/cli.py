"""The ``snnc`` command line: names of the commands, exit statuses, and nothing heavy.

Commands are imported when they are used, so that ``snnc --help`` needs no torch.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from typing import NoReturn

import click

from snnc.atomic import DEBUG
from snnc.errors import EXIT_BUG, EXIT_DONE, EXIT_INTERRUPTED, INTERNAL, SnncError
from snnc.messages import printable
from snnc.process import guarded
from snnc.version import __version__

COMMANDS = {
    "init": "write one file for a model of your own, by asking the model",
    "check": "list everything in a model that cannot be compiled",
    "boards": "say which boards a model fits on",
    "compile": "compile a model to event-driven C",
    "verify": "prove that the C's spikes equal PyTorch's on recordings",
    "energy": "count operations and energy on recordings",
    "analyze": "measure redundancy: firing rates, membranes, ghosts",
    "run": "classify a recording with a compiled model",
    "show": "show a compiled model at work on a recording, in a local page",
    "convert": "turn a checkpoint of the paper authors' code into one of ours",
    "train": "train a network on event-camera data",
    "tune": "raise a trained model's thresholds to save spikes",
    "bench": "time the C against dense ways to run the same network",
}


_ROOMS = {
    "measure": ("energy", "analyze", "bench"),
    "training": ("convert", "train", "tune"),
}
"""Folders of snnc/commands, and the commands that are not beside them."""


class _LazyGroup(click.Group):
    """A group whose commands live in snnc.commands, one module each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, which is called as its module is."""
        if cmd_name not in COMMANDS:
            return None
        rooms = [room for room, commands in _ROOMS.items() if cmd_name in commands]
        module = importlib.import_module(".".join(["snnc.commands", *rooms, cmd_name]))
        command: click.Command = module.command
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("-v", "--verbose", count=True, help="Say what is done; -vv: every command, too.")
def group(verbose: int) -> None:
    """Compile trained spiking neural networks from PyTorch to proven, event-driven C.

    MODEL is a checkpoint written by snnc, package.module:factory (your own code, with
    --weights), or a .toml file that says all about it (snnc init). DATA is nmnist:DIR, another
    data set in a folder (docs/datasets.md), gesture-sim, the path of a recording or of a file of
    arrays, or package.module:factory.

    Exit status: 0 done, 1 the answer is no, 2 wrong usage or unreadable input, 3 our fault;
    130 interrupted.
    """
    if verbose or os.environ.get(DEBUG):
        level = logging.DEBUG if verbose > 1 or os.environ.get(DEBUG) else logging.INFO
        logging.basicConfig(stream=sys.stderr, format="%(name)s: %(message)s")
        logging.getLogger("snnc").setLevel(level)


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    # Threads of PyTorch that wait for each other spin by default, and where other work runs beside
    # them they wait long: verifying six recordings on two busy cores took 29 s of processor time
    # so, 9 s without, 4 s with one thread. Read when torch is loaded; the user's word counts.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    status = EXIT_DONE
    try:
        with guarded():
            status = group.main(prog_name="snnc", standalone_mode=False) or EXIT_DONE
    except click.exceptions.Abort:  # click's word for an interrupt
        status = EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except SnncError as error:
        click.echo(f"snnc: {printable(str(error))}", err=True)
        status = error.code.status
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
        click.echo(
            f"snnc: {INTERNAL.code}: {printable(said)}. {INTERNAL.hint} "
            "SNNC_DEBUG=1 shows the traceback.",
            err=True,
        )
        status = EXIT_BUG
    sys.exit(status)
