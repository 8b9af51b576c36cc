"""What of ``Compiled.write`` cannot be, and the recordings that firmware carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from snnc.compiler.deploy import firmware
from snnc.compiler.deploy.package_kinds import KINDS
from snnc.compiler.deploy.targets import Target
from snnc.errors import BAD_OPTION, SnncError

if TYPE_CHECKING:
    from snnc.api.data.held import Window
    from snnc.compiler.compilation import Compilation


def embedded_vectors(compilation: Compilation, every: Iterable[Window]) -> list[firmware.Vector]:
    """Recordings with what the reference says of them, for a firmware's self-test."""
    from snnc.api.data.windows import events_behind

    return [
        firmware.vector(compilation, window.frames, events_behind(compilation, window))
        for window in every
    ]


def check_march(march: str, package: str | None, target: Target | None) -> None:
    """Raise SnncError (BAD_OPTION) for a march that is none, or beside what has no library."""
    if march not in ("any", "native"):
        raise SnncError(BAD_OPTION, f"march={march!r} is neither 'any' nor 'native'")
    if march != "any" and (package is not None or target is not None):
        raise SnncError(
            BAD_OPTION,
            f"march={march!r} is for the shared library of this machine",
            hint="Leave it out: the build system of a package or a core has flags of its own.",
        )


def check_package(package: str) -> None:
    """Raise SnncError (BAD_OPTION) for a build system that is not known."""
    if package not in KINDS:
        raise SnncError(BAD_OPTION, f"package={package!r} is none of {', '.join(KINDS)}")
