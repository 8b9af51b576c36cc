"""How the process ends when it is told to, or when nobody reads its output any more.

SIGTERM and SIGHUP unwind the stack, so that temporary files go; a closed pipe (``snnc check … |
head -1``) ends it in silence; a full disk behind standard output is a sentence.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn, TextIO

from snnc.errors import BAD_OUTPUT, EXIT_PIPE_CLOSED, SnncError

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class GuardedOutput(io.FileIO):
    """The file behind standard output, whose failures end the command as they should."""

    def write(self, data: Any) -> int:
        """Write bytes. Raises SystemExit (141) where nobody reads, SnncError (BAD_OUTPUT)."""
        try:
            return super().write(data)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> NoReturn:
        """What is still to be written goes nowhere, so that it cannot fail again at the end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            raise SystemExit(EXIT_PIPE_CLOSED) from error
        raise SnncError(
            BAD_OUTPUT, str(error.strerror or error), where="standard output"
        ) from error


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Run a command with its output guarded and its signals heard."""
    before = sys.stdout, sys.stderr
    _open_closed()
    stream = sys.stdout  # kept: what is behind it lives as long as somebody knows it
    sys.stdout = _guarded(stream)
    heard = {}
    if threading.current_thread() is threading.main_thread():
        heard = {number: signal.signal(number, _end) for number in SIGNALS}
    try:
        yield
        sys.stdout.flush()
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
        sys.stdout, sys.stderr = before


def _open_closed() -> None:
    """Give a stream that the caller has closed (``snnc … >&-``) a place to write to."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be text


def _guarded(stream: TextIO) -> TextIO:
    """The same stream, guarded where there is a file behind it."""
    try:
        number = stream.fileno()
        stream.flush()
    except (OSError, ValueError):  # it is a test's
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(GuardedOutput(number, "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.isatty(),
    )


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
