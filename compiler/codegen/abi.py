"""What a caller of a compiled model must know: its header's functions, types and constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snnc.compiler.ir import layout
from snnc.compiler.ir.graph import Kind

TYPES = """
typedef struct {{ uint32_t t_us; uint16_t x, y; uint8_t polarity; }} snn_event;
typedef struct {{ uint64_t ac, mac, mul, add, cmp; }} snn_counts;
typedef struct {{ unsigned char *own; const unsigned char *forced; }} snn_tap;
typedef struct {{
    unsigned char *arena; int32_t step; uint32_t started; uint32_t first_us; uint32_t dropped;
    uint32_t carried; {ends} {fill} snn_counts *counters; const snn_tap *taps;{team}
}} {name}_net;
"""
"""For cffi: format with ``name``, ``ends`` (a field for several outputs of a stream), ``fill``
(fields for packed events) and ``team`` (:data:`TEAM_FIELD` or nothing)."""

FUNCTION = "int {symbol}({name}_net *net{parameters});"
"""The prototype of each of :meth:`Interface.functions`."""

SIZES_PROTOTYPE = "extern const int64_t {name}_sizes[];"
"""For cffi: what :meth:`Interface.sizes_source` compiles to."""

LEVEL_PROTOTYPE = "const char *{name}_level(int index);"
"""What a library for several levels says of them: the name of each that the processor can run, best
first, and NULL behind the last."""

TEAM_FIELD = " const void *team;"

TEAM_PROTOTYPES = """
void *snn_team_start(int workers);
void snn_team_stop(void *team);
"""
"""For cffi: what a library for more than one thread has beside the model."""

STATUS_NAMES = {
    -1: "SNN_ERR_NULL",
    -2: "SNN_ERR_ARENA_SIZE",
    -3: "SNN_ERR_ARENA_ALIGN",
    -4: "SNN_ERR_NOT_INITIALISED",
    -5: "SNN_ERR_EVENT_RANGE",
    -6: "SNN_ERR_TIME_ORDER",
    -7: "SNN_ERR_WINDOW",
    -8: "SNN_ERR_COUNT_OVERFLOW",
    -9: "SNN_ERR_EVENT_SPACE",
    -10: "SNN_ERR_NOT_FINITE",
}

EVENT_DTYPE = np.dtype(
    {
        "names": ["t_us", "x", "y", "polarity"],
        "formats": ["<u4", "<u2", "<u2", "u1"],
        "offsets": [0, 4, 6, 8],
        "itemsize": 12,
    }
)
"""snn_event in memory."""


@dataclass(frozen=True)
class Output:
    """A vector that the model gives: its name, its length, the C type of an element."""

    name: str
    size: int
    c_type: str


@dataclass(frozen=True)
class Interface:
    """Sizes of a compiled model.

    Attributes:
        name: C prefix.
        arena_bytes: size of its arena.
        outputs: what it gives, the scores first.
        streams: whether it computes step by step.
        time_steps: T.
        frame_elements: numbers in the frame of one step.
        dt_us: length of a step where there is a ``push_events``, else None.
        frames: steps whose frames are held at a time; T is the whole window.
        max_events: packed events that are held instead of frames, or None.
        threads: parts that each convolution is split into.
        frame_type: C type of a number of a frame: "uint16_t" for counts, "float" for real numbers.
    """

    name: str
    arena_bytes: int
    outputs: tuple[Output, ...]
    streams: bool
    time_steps: int
    frame_elements: int
    dt_us: int | None
    frames: int
    max_events: int | None
    threads: int
    frame_type: str = "uint16_t"

    @property
    def classes(self) -> int:
        """Number of scores."""
        return self.outputs[0].size

    @property
    def score_type(self) -> str:
        """C type of a score, "float" or "int32_t"."""
        return self.outputs[0].c_type

    @property
    def ends(self) -> bool:
        """Whether it remembers of which step its outputs are: several, of any step."""
        return self.streams and len(self.outputs) > 1

    @property
    def takes_events(self) -> bool:
        """Whether there is a ``push_events``."""
        return self.dt_us is not None

    @property
    def takes_window(self) -> bool:
        """Whether ``push_frames`` takes all frames at once; else ``push_frame`` takes one."""
        return self.max_events is not None or self.frames == self.time_steps

    def functions(self) -> dict[str, str]:
        """The model's functions, as its header has them: what stands behind the model's name, and
        the parameters after the network."""
        window, streams = "push_frames" if self.takes_window else "push_frame", self.streams
        pushed = "const snn_event *events, size_t count"
        taken = {"start": "uint32_t t_us", "push_events": pushed} if self.takes_events else {}
        outputs = {f"output_{o.name}": f"{o.c_type} *result" for o in self.outputs[1:]}
        return {
            "init": "void *arena, size_t bytes",
            "reset": "",
            **taken,
            window: f"const {self.frame_type} *frames",
            **({"step": ""} if streams else {}),
            "run": "",
            "scores": f"{self.score_type} *scores",
            **outputs,
        }

    def prototypes(self, prefix: str = "") -> str:
        """C declarations of :meth:`functions`, with something before the model's name."""
        return "\n".join(
            FUNCTION.format(
                name=self.name,
                symbol=f"{prefix}{self.name}_{function}",
                parameters=f", {parameters}" if parameters else "",
            )
            for function, parameters in self.functions().items()
        )

    def sizes_source(self) -> str:
        """C that exports what :meth:`sizes` gives, as the model's own header and compiler say it.

        It is linked into the library that is run on this machine, so that a caller with other
        sizes in mind is found out before it copies anything.
        """
        prefix = self.name.upper()
        outputs = ["NUM_CLASSES", *(f"OUTPUT_{o.name.upper()}_SIZE" for o in self.outputs[1:])]
        held = "MAX_EVENTS" if self.max_events else "MAX_FRAMES"
        macros = ["ARENA_BYTES", "TIME_STEPS", "FRAME_ELEMENTS", "STREAMS", held]
        macros += ["STEP_US"] if self.takes_events else []
        values = [f"(int64_t){prefix}_{macro}" for macro in [*macros, *outputs]]
        values = [f"(int64_t)sizeof({self.name}_net)", *values, *map(str, self._kinds())]
        return (
            f'#include "{self.name}.h"\n\n{SIZES_PROTOTYPE.format(name=self.name)}\n'
            f"const int64_t {self.name}_sizes[] = {{{len(values)}, {', '.join(values)}}};\n"
        )

    def sizes(self, net_bytes: int) -> list[int]:
        """What a library must export to be called with this interface: how many numbers follow,
        bytes of the network's struct, its sizes, the types of its outputs."""
        steps = [self.dt_us] if self.dt_us is not None else []
        values = [net_bytes, self.arena_bytes, self.time_steps, self.frame_elements]
        values += [int(self.streams), self.max_events or self.frames, *steps]
        values += [output.size for output in self.outputs]
        values += self._kinds()
        return [len(values), *values]

    def _kinds(self) -> list[int]:
        """Numbers for what has no macro: element types, which buffer, threads, type of frames."""
        floats = [int(output.c_type == "float") for output in self.outputs]
        real = int(self.frame_type == "float")
        return [*floats, int(self.max_events is not None), self.threads, real]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Interface:
        """From the manifest of a compiled folder, as read and checked."""
        given = manifest["input"]
        return cls(
            name=manifest["name"],
            arena_bytes=manifest["memory"]["ram"]["arena"],
            outputs=tuple(
                Output(entry["name"], entry["shape"][0], entry["type"])
                for entry in manifest["outputs"]
            ),
            streams=manifest["streams"],
            time_steps=manifest["time_steps"],
            frame_elements=math.prod(given["shape"]),
            dt_us=given.get("dt_us"),
            frames=given["buffer"]["frames"],
            max_events=given["buffer"]["events"],
            threads=manifest["options"].get("threads", 1),
            frame_type=layout.C_TYPES[Kind(given["kind"])],
        )
