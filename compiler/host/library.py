"""A shared library of a compiled model: what it declares, and whether it is the one expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cffi

from snnc.compiler.codegen.abi import (
    LEVEL_PROTOTYPE,
    SIZES_PROTOTYPE,
    TEAM_FIELD,
    TYPES,
    Interface,
)
from snnc.errors import NOT_COMPILED, SnncError


def declared(interface: Interface, prefix: str = "") -> cffi.FFI:
    """The types of a model, and its functions with ``prefix`` before their names."""
    ffi = cffi.FFI()
    ffi.cdef(
        TYPES.format(
            name=interface.name,
            ends="int32_t ended;" if interface.ends else "",
            fill="uint32_t pushed; int32_t newest;" if interface.max_events else "",
            team=TEAM_FIELD if interface.threads > 1 else "",
        )
    )
    ffi.cdef(interface.prototypes(prefix))
    return ffi


def opened(ffi: cffi.FFI, library: Path) -> Any:
    """The library, loaded.

    Raises:
        SnncError: NOT_COMPILED where it is none for this machine.
    """
    try:
        return ffi.dlopen(str(library))
    except OSError as error:
        raise SnncError(
            NOT_COMPILED, f"it is no library for this machine ({error})", where=str(library)
        ) from error


def levels_of(library: Path, interface: Interface) -> tuple[str, ...]:
    """Levels of a library that this processor can run, best first: the first is the one that the
    functions under the model's name run. None where it was built for one kind of processor.

    Raises:
        SnncError: NOT_COMPILED where it is no library for this machine.
    """
    ffi = cffi.FFI()
    ffi.cdef(LEVEL_PROTOTYPE.format(name=interface.name))
    level = getattr(opened(ffi, library), f"{interface.name}_level", None)
    names: list[str] = []
    while level is not None and (name := level(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode("ascii"))
    return tuple(names)


def check_sizes(library: Path, interface: Interface, named: Path | None = None) -> None:
    """Compare an interface with what a library says of itself, before anything of it is called.

    Args:
        library: the library.
        interface: what it should hold.
        named: what messages call it, where it is a copy.

    Raises:
        SnncError: NOT_COMPILED where they differ, or it is no library, or one without sizes.
    """
    ffi = declared(interface)
    ffi.cdef(SIZES_PROTOTYPE.format(name=interface.name))
    library_opened = opened(ffi, library)
    try:
        said = getattr(library_opened, f"{interface.name}_sizes")
    except (AttributeError, KeyError) as error:  # cffi: a function, a variable
        raise SnncError(
            NOT_COMPILED,
            f"the library holds no model called {interface.name}",
            where=str(named or library),
        ) from error
    expected = interface.sizes(ffi.sizeof(f"{interface.name}_net"))
    if said[0] != expected[0] or list(said[0 : len(expected)]) != expected:
        raise SnncError(
            NOT_COMPILED,
            "the library holds a model of other sizes or types than the manifest states",
            where=str(named or library),
        )
