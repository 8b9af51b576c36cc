"""Which line of which file is running: the user's own, not PyTorch's."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType

import torch

from snnc import errors

_HERE = str(Path(__file__).parents[1])
_TORCH = str(Path(torch.__file__).parent)
_STANDARD = sysconfig.get_path("stdlib")
_OURS = str(Path(errors.__file__).parent)
_PACKAGES = ("site-packages", "dist-packages")
_FRAMEWORKS = frozenset({"spikingjelly", "snntorch", "norse", "sinabs", "rockpool"})
_HIDDEN, _FRAMEWORK, _USER = 0, 1, 2


@cache
def _rank(file: str) -> int:
    """Whose a file is. Cells of notebooks and lines typed at the prompt are the user's."""
    if file.startswith("<"):
        return _USER if file.startswith(("<ipython", "<stdin")) else _HIDDEN
    if file.startswith((_HERE, _TORCH)):
        return _HIDDEN
    if file.startswith(_OURS):
        return _FRAMEWORK
    parts = Path(file).parts
    installed = [place for place, part in enumerate(parts) if part in _PACKAGES]
    if not installed:
        return _HIDDEN if file.startswith(_STANDARD) else _USER
    package = parts[installed[-1] + 1]
    return _HIDDEN if package == "numpy" else _FRAMEWORK if package in _FRAMEWORKS else _USER


def line(stop: CodeType) -> str:
    """``file:line`` of the innermost running frame that is the user's own.

    A frame of a framework (SpikingJelly, snnTorch, …) is given where there is none of the user,
    and "" where there is neither. Frames outside of ``stop`` belong to whoever asked for the
    capture and are not looked at.
    """
    frame: FrameType | None = sys._getframe(1)
    fallback = ""
    while frame is not None and frame.f_code is not stop:
        rank = _rank(frame.f_code.co_filename)
        if rank == _USER:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if rank == _FRAMEWORK and not fallback:
            fallback = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return fallback


def line_of(error: Exception) -> str:
    """The same for the place where an error was raised."""
    frames = [(frame.f_code.co_filename, number) for frame, number in walk_tb(error.__traceback__)]
    for wanted in (_USER, _FRAMEWORK):
        for file, number in reversed(frames):
            if _rank(file) == wanted:
                return f"{file}:{number}"
    return ""
