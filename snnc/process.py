"""How the process ends when it is told to, or when nobody reads its output any more.

SIGTERM and SIGHUP unwind the stack, so that temporary files go; a closed pipe (``snnc check … |
head -1``) ends it in silence; a full disk behind standard output is a sentence.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn, TextIO

from snnc.errors import BAD_OUTPUT, EXIT_PIPE_CLOSED, SnncError

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class GuardedOutput:
    """Standard output whose failures end the command as they should, and everything else of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text. Raises SystemExit (141) where nobody reads, SnncError (BAD_OUTPUT)."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Pass on what was written; raises as :meth:`write`."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> NoReturn:
        """What is still to be written goes nowhere, so that it cannot fail again at the end."""
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
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
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller: `snnc … >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be text
    output: Any = GuardedOutput(sys.stdout)
    sys.stdout = output
    heard = {}
    if threading.current_thread() is threading.main_thread():
        heard = {number: signal.signal(number, _end) for number in SIGNALS}
    try:
        yield
        output.flush()
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
        sys.stdout, sys.stderr = before


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
