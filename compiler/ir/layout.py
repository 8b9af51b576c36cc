"""How a value lies in memory: C element type and number of elements of one step.

The elements along the *packed* axis of a value (its channels) lie side by side; all other axes,
together the pixels, stand before it in their order. SPIKE: one ``snn_word`` per 32 channels and
pixel. COUNT: ``uint16_t`` [pixels][channels]. REAL: ``float`` [pixels][channels], or the integer
type that the value names. Maps (C, H, W) are packed along C, matrices (R, C) along C, unless their
type says otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.errors import BAD_SHAPE, SnncError

WORD_BITS = 32

C_TYPES = {Kind.SPIKE: "snn_word", Kind.COUNT: "uint16_t", Kind.REAL: "float"}
DTYPES: dict[str, type[np.generic]] = {
    "snn_word": np.uint32,
    "float": np.float32,
    **{f"{name}_t": getattr(np, name) for name in ("int8", "int16", "int32", "int64")},
    **{f"{name}_t": getattr(np, name) for name in ("uint8", "uint16", "uint32")},
}
"""numpy types of the C types in use."""

C_SIZES = {name: np.dtype(dtype).itemsize for name, dtype in DTYPES.items()}


def words(channels: int) -> int:
    """Spike words per pixel."""
    return -(-channels // WORD_BITS)


def elements(given: TensorType) -> int:
    """C elements of one step."""
    return given.pixels * words(given.channels) if given.kind is Kind.SPIKE else given.size


def c_type(given: TensorType) -> str:
    """C element type."""
    return f"{given.dtype}_t" if given.dtype else C_TYPES[given.kind]


def dtype(given: TensorType) -> npt.DTypeLike:
    """numpy type of the C elements."""
    return DTYPES[c_type(given)]


def pushed(given: TensorType) -> TensorType:
    """The type of a network's input as callers give it: counts in 16 bits, whatever width the C
    keeps them in, or floats."""
    return given if given.kind is Kind.REAL else given.of(Kind.COUNT)


def step_bytes(given: TensorType) -> int:
    """Bytes of one step."""
    return elements(given) * C_SIZES[c_type(given)]


def pack(given: TensorType, values: Array) -> npt.NDArray[np.generic]:
    """Values [T, *shape] in the memory layout, one row of C elements per step.

    Raises:
        SnncError: BAD_SHAPE for a count or other integer that its C type does not hold, and for
            spikes that are not 0 or 1.
    """
    values = _pixel_major(given, np.asarray(values))
    if given.kind is not Kind.SPIKE:
        rows = np.ascontiguousarray(values.reshape(len(values), -1))
        stored = rows.astype(DTYPES[c_type(given)])
        if c_type(given) != "float":
            _check_equal(given, rows, stored)
        return stored
    _check_equal(given, values, values != 0)
    count = words(given.channels)
    padded = np.zeros((*values.shape[:2], count * WORD_BITS), np.uint8)
    padded[:, :, : given.channels] = values != 0
    packed = np.packbits(padded, axis=-1, bitorder="little").view("<u4").astype(np.uint32)
    return packed.reshape(len(values), -1)


def _check_equal(given: TensorType, values: Array, stored: Array) -> None:
    """Raise where storing has changed a value."""
    if not np.array_equal(values, stored):
        wrong = values[values != stored].ravel()[0]
        raise SnncError(
            BAD_SHAPE,
            f"a value of {wrong} cannot be stored as {c_type(given)}",
            where=str(given),
            hint="Use fewer events in a cell (shorter steps), or whole numbers; for frames of real "
            "numbers compile with --input-kind real.",
        )


def frames(given: TensorType, values: Array) -> npt.NDArray[np.generic]:
    """Values [T, *shape] of a network's input as callers give them. Raises as :func:`pack`."""
    return pack(pushed(given), values)


def unpack(given: TensorType, memory: npt.NDArray[np.generic]) -> Array:
    """The inverse of :func:`pack`: [T, *shape], spikes as uint8."""
    steps = len(memory)
    if given.kind is Kind.SPIKE:
        bytes_ = np.ascontiguousarray(memory.astype("<u4")).view(np.uint8)
        bits = np.unpackbits(bytes_.reshape(steps, given.pixels, -1), axis=-1, bitorder="little")
        memory = bits[:, :, : given.channels]
    rest = [size for axis, size in enumerate(given.shape) if axis != given.packed]
    values: Array = memory.reshape(steps, *rest, given.channels)
    return np.ascontiguousarray(np.moveaxis(values, -1, given.packed + 1))


def _pixel_major(given: TensorType, values: Array) -> Array:
    """[T, *shape] as [T, pixels, channels]."""
    moved = np.moveaxis(values.reshape(len(values), *given.shape), given.packed + 1, -1)
    return moved.reshape(len(values), given.pixels, given.channels)


def in_memory(given: TensorType, values: Array) -> Array:
    """One step of values [*shape] as [pixels, channels], as they lie in memory."""
    pixels: Array = _pixel_major(given, values[None])[0]
    return pixels


def strides(given: TensorType) -> tuple[int, ...]:
    """For each axis how far apart two neighbours along it lie: in elements, of SPIKE in bits."""
    channels = given.channels
    step = words(channels) * WORD_BITS if given.kind is Kind.SPIKE else channels
    found = [1] * len(given.shape)
    for axis in range(len(given.shape) - 1, -1, -1):
        if axis != given.packed:
            found[axis] = step
            step *= given.shape[axis]
    return tuple(found)
