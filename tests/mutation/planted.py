"""Mistakes with a meaning: wrong scores, wrong events, wrong neurons. Each was PROVEN once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.mutation.mutator import Mutation
from tests.mutation.source import Source
from tests.mutation.subjects import Subject

NUMBER = re.compile(r"-?(?:0[xX][0-9a-fA-F.]+(?:[pP][+-]?[0-9]+)?|[0-9]+(?:\.[0-9]*)?)f?")


@dataclass(frozen=True)
class Planted:
    """A mistake by name.

    Attributes:
        name: what is wrong.
        file: the file's path in the compiled folder.
        pattern: what is replaced, the characters of its group 1; one place matches.
        change: their replacement.
    """

    name: str
    file: str
    pattern: str
    change: Callable[[str], str]


def _to(new: str) -> Callable[[str], str]:
    return lambda _old: new


def _scaled(text: str) -> str:
    """Every number 5 % larger, whole numbers rounded away from 0."""
    return NUMBER.sub(lambda found: _number(found[0], 1.05), text)


def _negated(text: str) -> str:
    return text.removeprefix("-") if text.startswith("-") else f"-{text}"


def _number(text: str, factor: float) -> str:
    if text.endswith("f"):
        bare = text.removesuffix("f")
        value = float.fromhex(bare) if "0x" in bare.lower() else float(bare)
        return f"{(value * factor).hex()}f"
    value = int(text) * factor
    return str(int(value + (0.999 if value > 0 else -0.999)))


def _scores(subject: Subject) -> Iterator[Planted]:
    if subject.dtype == "f32":
        file, right = "snn/readout/readout.h", "(float)sum[i] / (float)time_steps"
        pattern = rf"(y\[i\] = {re.escape(right)});"
        changed = {
            "zeroed": "y[i] = 0.0f",
            "doubled": f"y[i] = 2.0f * ({right})",
            "rotated": f"y[(i + 1) % n] = {right}",
            "negated": f"y[i] = -({right})",
            "last class lost": f"y[i] = i < n - 1 ? {right} : 0.0f",
            "divisor": "y[i] = (float)sum[i] / (float)(time_steps + 1)",
        }
    else:
        file, place = "snn/int8/readout_i8.h", "w * SNN_WORD_BITS + snn_lowest_bit(bits)"
        pattern = rf"(sum\[{re.escape(place)}\] \+= 1);"
        changed = {
            "zeroed": f"sum[{place}] += 0",
            "doubled": f"sum[{place}] += 2",
            "rotated": f"sum[({place} + 1) % channels] += 1",
            "negated": f"sum[{place}] -= 1",
            "last class lost": f"sum[{place}] += {place} < channels - 1",
            "divisor": f"sum[{place}] += sum[{place}] < 2",
        }
    for name, new in changed.items():
        yield Planted(f"scores {name}", file, pattern, _to(new))


def _events() -> Iterator[Planted]:
    file = "snn/input.h"
    yield Planted(
        "polarity flipped", file, r"\* 2u \+ (event->polarity);", _to("(1u - event->polarity)")
    )
    yield Planted(
        "x and y exchanged", file, r"\((row \* width \+ column)\)", _to("column * width + row")
    )
    yield Planted("dt_us changed", "net.c", r"\.dt_us = (\d+)", lambda us: str(int(us) + 5000))


def _neurons(subject: Subject) -> Iterator[Planted]:
    neuron = r"layer3_neuron_shape = \{{[^}}]*\.{} = ([^,]+)"
    yield Planted("layer-3 beta + 5 %", "net.c", neuron.format("beta"), _scaled)
    if subject.dtype == "f32":
        threshold = r"fc2_neuron_shape = \{[^}]*\.threshold = ([^,]+)"
        yield Planted("fc2 threshold + 5 %", "net.c", threshold, _scaled)
    else:
        threshold = r"fc2_neuron_threshold\[\d+\][^{]*\{([^}]*)"
        yield Planted("fc2 threshold + 5 %", "net_weights.h", threshold, _scaled)
    bias = r"fc2_linear_bias\[\d+\][^{]*\{([^}]*)"
    yield Planted("fc2 bias + 5 %", "net_weights.h", bias, _scaled)
    weight = r"layer2_conv_weight\[\d+\][^{]*\{\s*([^,]+)"
    yield Planted("conv2 weight negated", "net_weights.h", weight, _negated)


def mistakes(subject: Subject) -> tuple[Planted, ...]:
    """The mistakes of this module in a subject's C."""
    return (*_scores(subject), *_events(), *_neurons(subject))


def planted(subject: Subject, texts: Mapping[str, str]) -> Iterator[Mutation]:
    """The mistakes as mutations of a subject's C, by path and text."""
    for mistake in mistakes(subject):
        text = texts[mistake.file]
        (found,) = re.finditer(mistake.pattern, text)
        start, old = found.start(1), found[1]
        line = text.count("\n", 0, start) + 1
        said = Source(text).line_text(line)
        new = mistake.change(old)
        yield Mutation(mistake.file, line, "", mistake.name, start, old, new, said, 0)
