"""The C of a compiled folder on a recording, with the spikes of every layer step by step."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snnc.compiler.codegen.abi import Interface
from snnc.compiler.deploy.compiled import open_compiled
from snnc.compiler.deploy.manifest import changed_files, read_manifest
from snnc.compiler.host.build import compile_shared
from snnc.compiler.host.model import HostModel
from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Array, Kind, TensorType
from snnc.compiler.ops.readout.time_stack import scores_of_classes
from snnc.errors import BAD_OPTION, NOT_COMPILED, SnncError

MEMBRANES = 2
"""A node has at most so many entries in the trace table: its value, its membrane potential."""

PIXELS = 128
"""Larger maps are shown at a whole fraction of their resolution."""


@dataclass(frozen=True)
class Watched:
    """A layer whose spikes are shown.

    Attributes:
        name: its node.
        module: where it comes from.
        entry: its number in the trace table.
        type: of its value.
    """

    name: str
    module: str
    entry: int
    type: TensorType

    @property
    def shown(self) -> tuple[int, int]:
        """Rows and columns of its map."""
        if len(self.type.shape) == 3:
            height, width = self.type.shape[1:]
            by = _fraction(height, width)
            return -(-height // by), -(-width // by)
        columns = int(np.ceil(np.sqrt(2 * self.type.size)))
        return -(-self.type.size // columns), columns

    def map_of(self, spikes: Array) -> npt.NDArray[np.uint8]:
        """One step's spikes as a map: of channels their sum at each pixel; a vector in rows."""
        rows, columns = self.shown
        if len(self.type.shape) != 3:
            padded = np.zeros(rows * columns, np.int64)
            padded[: spikes.size] = spikes.reshape(-1)
            return _bytes(padded.reshape(rows, columns))
        return _bytes(_summed(spikes.sum(axis=0), _fraction(*self.type.shape[1:])))


class Session:
    """The model of a folder, built once more from the folder's own C with its values traced.

    Args:
        out: a folder of ``snnc compile`` for this machine, for a model that takes events.
        scratch: where the traced library is built.

    Raises:
        SnncError: NOT_COMPILED, also where the C is not as it was written; BAD_OPTION for a model
            that takes frames; NO_C_COMPILER.
    """

    def __init__(self, out: Path, scratch: Path) -> None:
        self.manifest = read_manifest(out)
        open_compiled(out, self.manifest)  # refuses what is for another machine, or was changed
        if self.manifest["input"].get("dt_us") is None:
            raise SnncError(
                BAD_OPTION,
                "the compiled model takes frames, not events",
                where=str(out),
                hint="Compile a model whose input description has a step length (framing by dt).",
            )
        if changed := changed_files(out, self.manifest["files"]):
            raise SnncError(NOT_COMPILED, f"{changed[0]} is not as it was written", where=str(out))
        library = scratch / "traced.so"
        compile_shared(out / f"{self.manifest['name']}.c", library, defines=("SNN_TRACE",))
        self.model = HostModel(library, Interface.of(self.manifest), team=False)
        self.layers = _watched(self.manifest)
        self._values = {
            layer.entry: np.zeros(layout.step_bytes(layer.type) * self.time_steps, np.uint8)
            for layer in self.layers
        }
        self.model.attach_taps(MEMBRANES * len(self.manifest["layers"]), self._values, {})

    @property
    def time_steps(self) -> int:
        """T."""
        return int(self.manifest["time_steps"])

    @property
    def step_us(self) -> int:
        """Length of a step, microseconds."""
        return int(self.manifest["input"]["dt_us"])

    def about(self) -> dict[str, Any]:
        """What a page has to know before the first step."""
        height, width = self.manifest["input"]["sensor"]
        return {
            "name": self.manifest["name"],
            "time_steps": self.time_steps,
            "step_us": self.step_us,
            "streams": self.manifest["streams"],
            "sensor": _shown_sensor(height, width),
            "layers": [
                {"name": layer.name, "neurons": layer.type.size, "map": list(layer.shown)}
                for layer in self.layers
            ],
        }

    def steps(self, events: npt.NDArray[np.void]) -> Iterator[dict[str, Any]]:
        """Run a window; gives each step as soon as the C has computed it.

        A model that streams is stepped. Of one that needs the whole window every step is given
        after its run, and scores only with the last.

        Args:
            events: EVENT_DTYPE, oldest first, times from the first on.
        """
        since = events["t_us"] // self.step_us
        self.model.reset()
        streams = bool(self.manifest["streams"])
        if not streams:
            self.model.run_events(events)
        for step in range(self.time_steps):
            own = events[since == step]
            if streams:
                self.model.push_events(own)
                self.model.step()
            scored = streams or step == self.time_steps - 1
            yield {
                "step": step,
                "events": self._pictured(own),
                "count": len(own),
                "layers": [self._layer(layer, step) for layer in self.layers],
                "scores": self._scores() if scored else None,
            }

    def _scores(self) -> list[float]:
        given = self.manifest["scores"]
        scores = scores_of_classes(self.model.scores() * given["unit"], given.get("axes"))
        return [float(score) for score in scores.reshape(-1)]

    def _layer(self, layer: Watched, step: int) -> dict[str, Any]:
        size = layout.step_bytes(layer.type)
        stored = self._values[layer.entry][step * size : (step + 1) * size]
        spikes = layout.unpack(layer.type, stored.view(layout.dtype(layer.type))[None])[0]
        return {"spikes": int(np.count_nonzero(spikes)), "map": _text(layer.map_of(spikes))}

    def _pictured(self, events: npt.NDArray[np.void]) -> str:
        """Events of a step: a picture of those that are off, then one of those that are on."""
        height, width = self.manifest["input"]["sensor"]
        by = _fraction(height, width)
        picture = np.zeros((2, height, width), np.int64)
        np.add.at(picture, (events["polarity"], events["y"], events["x"]), 1)
        return _text(np.stack([_bytes(_summed(part, by)) for part in picture]))


def _watched(manifest: Mapping[str, Any]) -> list[Watched]:
    """Every neuron and cell with discrete values; a node's place is its trace entry."""
    found = []
    for place, entry in enumerate(manifest["layers"]):
        fires = entry["op"] in ("neuron", "neuron_i8", "cell") and entry["temporal"]
        if fires and entry["kind"] != Kind.REAL.value:
            kind = TensorType(tuple(entry["shape"]), Kind(entry["kind"]))
            found.append(Watched(entry["name"], entry["module"], place, kind))
    return found


def _fraction(height: int, width: int) -> int:
    return -(-max(height, width) // PIXELS)


def _shown_sensor(height: int, width: int) -> list[int]:
    by = _fraction(height, width)
    return [-(-height // by), -(-width // by)]


def _summed(image: Array, by: int) -> Array:
    """Sums over blocks; the last ones are filled up with zeros."""
    height, width = image.shape
    full = np.zeros((-(-height // by) * by, -(-width // by) * by), np.int64)
    full[:height, :width] = image
    summed: Array = full.reshape(full.shape[0] // by, by, full.shape[1] // by, by).sum(axis=(1, 3))
    return summed


def _bytes(values: Array) -> npt.NDArray[np.uint8]:
    return np.minimum(values, 255).astype(np.uint8)


def _text(values: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(values.tobytes()).decode()
