"""Data as Python holds them: arrays, tensors, iterables, data sets and loaders, by structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from snnc.api.model import array_of, numbers_of
from snnc.errors import BAD_DATA_SPEC, BAD_OPTION, BAD_SHAPE, SnncError
from snnc.models.encoders import Encoder, InputKind, Numbers, encode

Data: TypeAlias = Any
"""DATA of the command line; an array or tensor [samples, T, ...]; an iterable of inputs or of pairs
(input, label); a Dataset or a DataLoader."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """What a model takes of one sample [T, *shape], event counts (uint16) or real numbers
    (float32); its class if known, its name; and the events (EVENT_DTYPE) behind it, where there are
    any."""

    frames: Numbers
    label: int | None
    name: str
    events: npt.NDArray[np.void] | None = None


class Held:
    """A sized sequence of windows, each made when it is asked for.

    Args:
        get: gives the window of a place.
        places: which, in order.
    """

    def __init__(self, get: Callable[[int], Window], places: Sequence[int]) -> None:
        self._get = get
        self._places = places

    def some(self, places: Sequence[int]) -> Held:
        """The windows at these places alone."""
        return Held(self._get, [self._places[place] for place in places])

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Window]:
        return (self._get(place) for place in self._places)


@dataclass(frozen=True)
class Layout:
    """How the samples of data lie.

    Attributes:
        shape: (T, *one step's shape) of a window.
        batch_first: an input with an axis of samples is [1, T, ...], not [T, 1, ...].
        encoder: the samples are still images of a step's shape, and become windows by it.
        step_us: length of a step in microseconds, for spikes by channel and time.
        kind: of the numbers that the model takes.
    """

    shape: Shape
    batch_first: bool = False
    encoder: Encoder | None = None
    step_us: int | None = None
    kind: InputKind = "count"


@dataclass(frozen=True)
class ChannelSpikes:
    """Spikes by channel and time, sample by sample: what SHD's and SSC's files hold.

    Attributes:
        times: of each sample's spikes, seconds.
        units: their channels.
        labels: classes of the samples, if known.
    """

    times: Sequence[npt.NDArray[Any]]
    units: Sequence[npt.NDArray[Any]]
    labels: npt.NDArray[Any] | None

    def windows(self, layout: Layout) -> Held:
        """Each sample as counts [T, channels]; spikes after the last step are left out.

        Raises:
            SnncError: BAD_OPTION without a length of a step, or for a network of maps; while
                iterating BAD_SHAPE for a channel that the network does not have.
        """
        if layout.step_us is None or len(layout.shape) != 2:
            raise SnncError(
                BAD_OPTION,
                "the data are spikes by channel and time, for a network of features",
                hint="Give --frame-us, the length of a step, and --input-shape CHANNELS.",
            )
        steps, channels = layout.shape
        length = layout.step_us / 1e6

        def get(place: int) -> Window:
            units = np.asarray(self.units[place], np.int64)
            if len(units) and not 0 <= units.min() <= units.max() < channels:
                raise SnncError(
                    BAD_SHAPE,
                    f"a spike is of channel {units.max()}, and the network has {channels}",
                    where=f"sample {place}",
                    hint="Give the network as many inputs as the data have channels.",
                )
            at = np.floor(np.asarray(self.times[place], np.float64) / length).astype(np.int64)
            counts = np.zeros((steps, channels), np.int64)
            inside = (at >= 0) & (at < steps)
            np.add.at(counts, (at[inside], units[inside]), 1)
            label = None if self.labels is None else _label(self.labels[place], place)
            name = f"sample {place}"
            return Window(numbers_of(counts, name, layout.kind), label, name)

        return Held(get, range(len(self.times)))


def held(data: Data, layout: Layout, samples: int | None) -> Held:
    """The first ``samples`` windows of what Python holds; all by default.

    Args:
        data: an array or tensor [samples, T, ...] (each sample as forward takes it, with or without
            its axis of one sample), a pair of one and labels [samples], an iterable of inputs or of
            pairs (input, label), a Dataset (``len`` and ``[i]``), or a DataLoader (batches).
        layout: how its samples lie.
        samples: how many.

    Raises:
        SnncError: BAD_DATA_SPEC where there are none or fewer than asked for; BAD_SHAPE for a
            sample of another shape or with numbers that are no counts; BAD_OPTION.
    """
    reader = _reader(layout)
    if isinstance(data, ChannelSpikes):
        found = data.windows(layout)
    elif isinstance(data, np.ndarray | torch.Tensor):
        found = reader.array(data, None)
    elif _is_labelled_array(data, reader.shape):
        found = reader.array(data[0], array_of(data[1], "the labels"))
    elif _is_dataset(data):
        found = Held(lambda place: reader.one(data[place], place), range(len(data)))
    elif isinstance(data, Iterable):
        found = reader.listed(data, samples)
    else:
        raise SnncError(
            BAD_OPTION,
            f"the data are a {type(data).__name__}",
            hint="Give an array [samples, T, ...], an iterable of inputs or (input, label), a "
            "Dataset, a DataLoader, or the name of a data set.",
        )
    if not len(found) or len(found) < (samples or 0):
        asked = "" if samples is None else f", and {samples} were asked for"
        raise SnncError(BAD_DATA_SPEC, f"the data hold {len(found)} samples{asked}")
    return found if samples is None else found.some(range(samples))


def _is_dataset(data: Any) -> bool:
    """Whether it is read by place: a list or tuple of samples, or a map-style Dataset."""
    if isinstance(data, list | tuple):
        return False
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _is_labelled_array(data: Any, shape: Shape) -> bool:
    """Whether it is (inputs [samples, ...], labels [samples]), not a pair of inputs."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    inputs, labels = data
    if not all(isinstance(item, np.ndarray | torch.Tensor) for item in data):
        return False
    return labels.ndim == 1 and inputs.ndim > len(shape) and len(labels) == len(inputs)


def _reader(layout: Layout) -> _Reader:
    if layout.encoder is None:
        return _Reader(layout.shape, layout.batch_first, layout.kind)
    steps, *shape = layout.shape
    return _ImageReader(tuple(shape), True, layout.kind, layout.encoder, steps)


@dataclass(frozen=True)
class _Reader:
    """Reads samples of one shape (T, *step)."""

    shape: Shape
    batch_first: bool
    kind: InputKind

    MEND: ClassVar[str] = (
        "Give samples of one window each, time first; an array of them as [samples, T, ...]."
    )

    def array(self, data: Any, labels: npt.NDArray[Any] | None) -> Held:
        """Samples along the first axis; a lone sample as forward takes it is one."""
        alone = (1, *self.shape) if self.batch_first else (self.shape[0], 1, *self.shape[1:])
        if tuple(data.shape) == alone and labels is None:
            data = data[None]

        def get(place: int) -> Window:
            label = None if labels is None else _label(labels[place], place)
            return self._window(data[place], label, place)

        return Held(get, range(len(data)))

    def one(self, item: Any, place: int) -> Window:
        """One item of a data set: an input, or a pair of input and label."""
        given, label = _pair(item)
        return self._window(given, None if label is None else _label(label, place), place)

    def listed(self, items: Iterable[Any], samples: int | None) -> Held:
        """The samples of an iterable, whose items may be batches."""
        found: list[Window] = list(islice(self._all(items), samples))
        return Held(found.__getitem__, range(len(found)))

    def _all(self, items: Iterable[Any]) -> Iterator[Window]:
        place = 0
        for item in items:
            given, labels = _pair(item)
            array = array_of(given, f"sample {place}")
            for frames, label in zip(*self._batch(array, labels, place), strict=True):
                yield self._window(frames, label, place)
                place += 1

    def _batch(
        self, array: npt.NDArray[Any], labels: Any, place: int
    ) -> tuple[npt.NDArray[Any], list[int | None]]:
        """The samples of an item, first axis, and their labels."""
        if array.ndim == len(self.shape):
            array = array[None]
        elif array.ndim == len(self.shape) + 1:
            array = self._samples_first(array, place)
        else:
            raise self._wrong(array.shape, place)
        if labels is None:
            return array, [None] * len(array)
        given = np.atleast_1d(array_of(labels, f"the label of sample {place}"))
        if given.shape != (len(array),):
            raise SnncError(
                BAD_SHAPE,
                f"a batch of {len(array)} samples has labels {list(given.shape)}",
                where=f"sample {place}",
                hint="Give one class a sample.",
            )
        return array, [_label(label, place) for label in given]

    def _samples_first(self, array: npt.NDArray[Any], place: int) -> npt.NDArray[Any]:
        """A batch as [N, T, ...]: [T, N, ...] is known by where T stands."""
        steps = self.shape[0]
        first, second = array.shape[0] == steps, array.shape[1] == steps
        if first and second and steps > 1:
            raise SnncError(
                BAD_SHAPE,
                f"a batch of {steps} samples of {steps} steps does not say which axis is time",
                where=f"sample {place}",
                hint="Give batches of another size, or one sample at a time.",
            )
        if not first and not second:
            raise self._wrong(array.shape, place)
        return array if second else np.moveaxis(array, 1, 0)

    def _window(self, given: Any, label: int | None, place: int) -> Window:
        array = array_of(given, f"sample {place}")
        if array.ndim == len(self.shape) + 1 and 1 in array.shape[:2]:
            array = array[0] if array.shape[0] == 1 != self.shape[0] else array[:, 0]
        if array.shape != self.shape:
            raise self._wrong(array.shape, place)
        name = f"sample {place}"
        return Window(numbers_of(array, name, self.kind), label, name)

    def _wrong(self, shape: Shape, place: int) -> SnncError:
        return SnncError(
            BAD_SHAPE,
            f"its shape is {list(shape)}, and the model takes {list(self.shape)}",
            where=f"sample {place}",
            hint=self._other_steps(shape) or self.MEND,
        )

    def _other_steps(self, shape: Shape) -> str | None:
        """What to do where only the number of steps differs."""
        if len(shape) != len(self.shape) or shape[1:] != self.shape[1:]:
            return None
        return f"Compile the model for {shape[0]} time steps, or give windows of {self.shape[0]}."


@dataclass(frozen=True)
class _ImageReader(_Reader):
    """Reads still images of one step's shape, samples first, and makes windows of them."""

    encoder: Encoder
    time_steps: int

    MEND: ClassVar[str] = "Give images of a step's shape; an array of them as [samples, ...]."

    def array(self, data: Any, labels: npt.NDArray[Any] | None) -> Held:
        """Images along the first axis; a lone one is one."""
        if tuple(data.shape) == self.shape and labels is None:
            data = data[None]
        return super().array(data, labels)

    def _samples_first(self, array: npt.NDArray[Any], place: int) -> npt.NDArray[Any]:
        return array

    def _window(self, given: Any, label: int | None, place: int) -> Window:
        name = f"sample {place}"
        image = array_of(given, name)
        if image.shape == (1, *self.shape):
            image = image[0]
        if image.shape != self.shape:
            raise self._wrong(image.shape, place)
        try:
            frames = encode(image, self.encoder, self.time_steps, place, self.kind)
        except SnncError as error:
            raise SnncError(error.code, error.what, where=name, hint=error.hint) from error
        return Window(frames, label, name)


def _pair(item: Any) -> tuple[Any, Any]:
    """Input and label of an item; a pair is one whose second part has at most one axis."""
    if not isinstance(item, list | tuple):
        return item, None
    if len(item) == 1:
        return item[0], None
    if len(item) == 2 and np.ndim(item[1]) <= 1 and np.ndim(item[0]) > np.ndim(item[1]):
        return item[0], item[1]
    raise SnncError(
        BAD_OPTION,
        f"an item of the data is a {type(item).__name__} of {len(item)} parts",
        hint="Give inputs, or pairs (input, label).",
    )


def _label(given: Any, place: int) -> int | None:
    """A class; a negative one says that it is not known."""
    value = array_of(given, f"the label of sample {place}")
    if value.ndim or not float(value).is_integer():
        raise SnncError(
            BAD_OPTION,
            f"the label {value.tolist()} is not the number of a class",
            where=f"sample {place}",
            hint="Give whole numbers from 0.",
        )
    return int(value) if value >= 0 else None
