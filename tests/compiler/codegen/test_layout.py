"""How values lie in memory: the layout that types.h states, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind, TensorType
from snnc.errors import BAD_SHAPE, SnncError

shapes = st.one_of(
    st.tuples(st.integers(1, 70)),
    st.tuples(st.integers(1, 70), st.integers(1, 4), st.integers(1, 4)),
)


def values_of(given_type: TensorType, steps: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (steps, *given_type.shape)
    if given_type.kind is Kind.SPIKE:
        return rng.integers(0, 2, shape).astype(np.uint8)
    if given_type.kind is Kind.COUNT:
        return rng.integers(0, 65536, shape).astype(np.uint16)
    return rng.normal(size=shape).astype(np.float32)


@settings(max_examples=100, deadline=None)
@given(shapes, st.sampled_from(list(Kind)), st.integers(1, 4), st.integers(0, 99))
def test_unpack_inverts_pack(shape, kind, steps, seed):
    given_type = TensorType(shape, kind)
    values = values_of(given_type, steps, seed)
    packed = layout.pack(given_type, values)
    assert packed.shape == (steps, layout.elements(given_type))
    assert packed.nbytes == steps * layout.step_bytes(given_type)
    assert packed.dtype == layout.dtype(given_type)
    back = layout.unpack(given_type, packed)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


@settings(max_examples=50, deadline=None)
@given(shapes, st.integers(1, 3), st.integers(0, 99))
def test_spikes_are_bits_of_words_by_pixel_and_unused_bits_are_0(shape, steps, seed):
    given_type = TensorType(shape, Kind.SPIKE)
    values = values_of(given_type, steps, seed).reshape(steps, shape[0], -1)
    words = layout.pack(given_type, values).reshape(steps, given_type.pixels, -1)
    assert words.shape[2] == layout.words(shape[0])
    for channel in range(words.shape[2] * layout.WORD_BITS):
        bit = words[:, :, channel // 32] >> np.uint32(channel % 32) & 1
        expected = values[:, channel] if channel < shape[0] else 0
        np.testing.assert_array_equal(bit, np.broadcast_to(expected, bit.shape))


@pytest.mark.parametrize("kind", [Kind.COUNT, Kind.REAL])
def test_images_are_channels_last(kind):
    values = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2)
    packed = layout.pack(TensorType((3, 2, 2), kind), values)
    np.testing.assert_array_equal(packed[0], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    np.testing.assert_array_equal(packed[1], packed[0] + 12)


def test_matrices_are_row_major():
    values = np.arange(6.0).reshape(1, 2, 3)
    packed = layout.pack(TensorType((2, 3), Kind.REAL), values)
    np.testing.assert_array_equal(packed[0], np.arange(6))
    np.testing.assert_array_equal(layout.unpack(TensorType((2, 3), Kind.REAL), packed), values)


@pytest.mark.parametrize(("channels", "words"), [(1, 1), (31, 1), (32, 1), (33, 2), (64, 2)])
def test_words_of_32_channels(channels, words):
    assert layout.words(channels) == words
    assert layout.elements(TensorType((channels, 5, 7), Kind.SPIKE)) == 35 * words
    assert layout.step_bytes(TensorType((channels, 5, 7), Kind.SPIKE)) == 140 * words
    assert layout.step_bytes(TensorType((channels, 5, 7), Kind.COUNT)) == 70 * channels
    assert layout.step_bytes(TensorType((channels, 5, 7), Kind.REAL)) == 140 * channels


@pytest.mark.parametrize(
    ("given_type", "value"),
    [
        (TensorType((2,), Kind.COUNT), 65536),
        (TensorType((2,), Kind.COUNT), -1),
        (TensorType((2,), Kind.COUNT), 0.5),
        (TensorType((2,), Kind.COUNT, dtype="uint8"), 256),
        (TensorType((2,), Kind.REAL, dtype="int16"), 32768),
        (TensorType((2,), Kind.SPIKE), 2),
    ],
)
def test_a_value_that_does_not_fit_is_refused_not_wrapped(given_type, value):
    with pytest.raises(SnncError, match=f"value of {value} cannot be stored as") as caught:
        layout.pack(given_type, np.array([[1, value]]))
    assert caught.value.code is BAD_SHAPE
