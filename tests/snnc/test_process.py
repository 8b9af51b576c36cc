"""How a command ends: signals, pipes that nobody reads, names that steer a terminal."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from rich.text import Text

from snnc.console import Terminal, printable, slim_table

COMMAND = [sys.executable, "-m", "snnc"]
WAITING = """
import sys, time, click, snnc.cli
from snnc.atomic import scratch_folder

@click.command()
def command():
    with scratch_folder() as folder:
        print(folder, flush=True)
        time.sleep(60)

snnc.cli._LazyGroup.get_command = lambda *_: command
sys.argv = ["snnc", "check"]
snnc.cli.main()
"""


def heed_signals() -> None:
    """As in a terminal: a shell that runs the tests in the background ignores some for all."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_has_its_status_and_leaves_no_folder(number, status):
    running = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    folder = running.stdout.readline().strip()
    assert os.path.isdir(folder)
    time.sleep(0.1)
    running.send_signal(number)
    _, err = running.communicate(timeout=30)
    assert running.returncode == status
    assert not os.path.exists(folder)
    assert "Traceback" not in err
    assert "SNNC-E901" not in err


def ended(redirection: str) -> tuple[int, str]:
    """Status and standard error of a command that prints, with its output somewhere."""
    script = f'"{sys.executable}" -m snnc train --list x {redirection}'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_output_that_nobody_reads_ends_in_silence():
    assert ended("| true; exit ${PIPESTATUS[0]}") in ((141, ""), (0, ""))
    assert ended(">&-") == (0, "")
    status, err = ended(">/dev/full")
    assert status == 2
    assert err.startswith("snnc: SNNC-E301: standard output: ")
    assert err.count("\n") == 1


def shown(*lines: object) -> str:
    console = Terminal()
    console.file = io.StringIO()
    for line in lines:
        console.print(line)
    return console.file.getvalue()


def test_text_is_text_in_a_terminal():
    name = "out[/]x [bold]b[/bold] :smile: \x1b[31m\x07\r\x9b \u202e \ud800"
    table = slim_table("name", title=name)
    table.add_row(name)
    said = shown(name, table).split("\n")
    wanted = "out[/]x [bold]b[/bold] :smile: \\x1b[31m\\x07\\r\\x9b \\u202e \\ud800"
    assert said[0] == wanted
    assert sum(wanted in line for line in said) == 3
    assert printable("é ×\tb\nc") == "é ×\tb\nc"
    assert shown(Text("plain")) == "plain\n"


@pytest.mark.parametrize(("said", "policy"), [(None, "passive"), ("active", "active")])
def test_threads_that_wait_take_no_processor_unless_told_to(said, policy):
    """Set before torch is loaded, which reads it then."""
    command = (
        "import os, sys, click, snnc.cli; loaded = 'torch' in sys.modules;"
        "command = click.Command('check', callback=lambda: print("
        "os.environ['OMP_WAIT_POLICY'], loaded));"
        "snnc.cli._LazyGroup.get_command = lambda *_: command;"
        "sys.argv = ['snnc', 'check']; snnc.cli.main()"
    )
    environment = {name: text for name, text in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if said is None else {"OMP_WAIT_POLICY": said}
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [policy, "False"]
