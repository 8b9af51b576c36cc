"""NIR nodes as nodes of the graph: the second, independent reading of the same file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from snnc.compiler.frontend.adapters.recurrence import Recurrence
from snnc.compiler.frontend.importing import Importing, importer
from snnc.compiler.frontend.nir.file import NirNode, NirOptions, as_image
from snnc.compiler.frontend.nir.many_spikes import neuron_cell
from snnc.compiler.frontend.nir.network import NirNetwork, padding_of, sizes_of
from snnc.compiler.ir.graph import Array
from snnc.compiler.ops import (
    Add,
    Affine,
    AvgPool2d,
    Cell,
    Conv2d,
    Delay,
    Flatten,
    Integrator,
    Linear,
    Neuron,
    SumPool2d,
    TimeMean,
)
from snnc.errors import BAD_SHAPE, UNSUPPORTED_LAYER, SnncError

NodeImporter = Callable[[Importing, NirNode, NirOptions, str, str], str]


@importer(NirNetwork)
def _network(g: Importing, m: NirNetwork, path: str, inputs: Sequence[str]) -> str | None:
    values: dict[str, str | None] = {m.file.input_key: inputs[0]}
    returning = {
        node.key: Recurrence.of(g, m.keys[node.key], as_image(node.neurons))
        for node in m.file.nodes
        if node.key == node.loop
    }
    for node in m.file.nodes:
        given = [values[key] for key in node.inputs]
        given += [returning[key].spikes for key in node.recurrent]
        value = values[node.key] = _node(g, m, node, given)
        if node.key == node.loop and value is not None:
            returning[node.key].close(g, value)
    sources = [values[key] for key in m.file.outputs]
    total = _sum(g, "output", sources)
    return None if total is None else g.add("mean", TimeMean(), [_vector(g, total)])


def _node(g: Importing, m: NirNetwork, node: NirNode, given: list[str | None]) -> str | None:
    """Import one node; list it and give None where that cannot be done."""
    path = m.keys[node.key]
    if None in given:
        if node.type not in _IMPORTERS:
            _refuse_type(g, node, "")
        return None
    total = _sum(g, f"{path}_in", given)
    if total is None:
        return None
    shape = "×".join(map(str, (g.time_steps, *g.type_of(total).shape)))
    if node.type not in _IMPORTERS:
        _refuse_type(g, node, shape)
        return None
    try:
        return _IMPORTERS[node.type](g, node, m.file.options, path, total)
    except SnncError as error:
        g.refuse(node.key, node.type, shape, error)
        return None


def _refuse_type(g: Importing, node: NirNode, shape: str) -> None:
    error = SnncError(
        UNSUPPORTED_LAYER,
        "this NIR node type is not known",
        hint=f"Use one of {', '.join(sorted(_IMPORTERS))}.",
    )
    g.refuse(node.key, node.type, shape, error)


def _sum(g: Importing, name: str, values: Sequence[str | None]) -> str | None:
    """All edges into a node are added, from left to right."""
    total = values[0]
    for value in values[1:]:
        if total is None or value is None:
            return None
        total = g.add(name, Add(), [total, value])
    return total


def _vector(g: Importing, value: str) -> str:
    return value if len(g.type_of(value).shape) == 1 else g.add("flat", Flatten(), [value])


def _affine(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    weight = node.numbers("weight")
    given = g.type_of(x)
    if weight.ndim != 2 or len(given.shape) != 1:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"a weight {weight.shape} on {given} is not one matrix times one vector",
            hint="Put a Flatten node before it, and use a two-dimensional weight.",
        )
    bias = node.numbers("bias") if node.type == "Affine" else None
    return g.add(path, Linear(), [x], {"weight": _single(weight), "bias": _single(bias)})


def _conv(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    weight = node.numbers("weight")
    axes = weight.ndim - 2
    stride, dilation = sizes_of(node, "stride", axes), sizes_of(node, "dilation", axes)
    padding = _padding(node, weight.shape[2:], dilation)
    if axes == 1:  # a signal (C, L) travels as an image (C, 1, L)
        weight, stride, dilation = weight[:, :, None], (1, *stride), (1, *dilation)
        padding = ((0, *padding[0]), (0, *padding[1]))
    op = Conv2d(
        stride=_two(stride),
        padding=(*_two(padding[0]), *_two(padding[1])),
        dilation=_two(dilation),
        groups=int(node.node.groups),
    )
    params = {"weight": _single(weight), "bias": _single(node.numbers("bias"))}
    return g.add(path, op, [x], params)


def _two(sizes: Sequence[int]) -> tuple[int, int]:
    height, width = sizes
    return height, width


def _padding(
    node: NirNode, kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding before and after each axis; the odd rest of "same" goes after, as in PyTorch."""
    given = padding_of(node, len(kernel))
    if not isinstance(given, str):
        return given, given
    if given == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    before = tuple(size // 2 for size in total)
    return before, tuple(size - first for size, first in zip(total, before, strict=True))


def _pool(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    kernel, stride, padding = (
        _two(sizes_of(node, key, 2)) for key in ("kernel_size", "stride", "padding")
    )
    op = AvgPool2d(
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        ceil_mode=False,
        dilation=(1, 1),
        count_include_pad=True,
        divisor=0,
    )
    if node.type == "SumPool2d":
        return g.add(path, SumPool2d.like(op), [x])
    if padding != (0, 0):
        raise SnncError(
            UNSUPPORTED_LAYER,
            "NIR does not say whether an average counts its padding",
            hint="Export it with padding 0.",
        )
    return g.add(path, op, [x])


def _flatten(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    declared = node.node.input_type["input"]
    rank = len(g.type_of(x).shape if declared is None else declared)
    start, end = int(node.node.start_dim), int(node.node.end_dim)
    # NIR's own shapes leave the batch out, so its first dimension is the channel.
    if (start % rank, end % rank) != (0, rank - 1):
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"flattening dimensions {start} to {end} of {rank} does not give one vector",
            hint="Flatten from dimension 0 to -1.",
        )
    return x if rank == 1 else g.add(path, Flatten(), [x])


def _scale(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    scale = _single(_spread(g, node, "scale", node.numbers("scale"), x))
    params = {"scale": scale, "shift": np.zeros_like(scale)}
    return g.add(path, Affine(), [x], params)


def _threshold(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    values = {"beta": 0.0, "drift": 0.0, "gain": 1.0, "reset": 0.0}
    return _neuron(g, node, path, x, values | {"threshold": node.numbers("threshold")}, "none")


def _delay(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    delays = node.numbers("delay") / _dt(options)
    steps = np.rint(delays)
    if steps.min() != steps.max() or np.abs(delays - steps).max() > 1e-6 or steps.min() < 0:
        raise SnncError(
            UNSUPPORTED_LAYER,
            f"delays of {delays.min():g} to {delays.max():g} steps are not one whole number",
            hint="Choose --nir-dt so that every delay is the same whole number of steps.",
        )
    return x if steps.max() == 0 else g.add(path, Delay(steps=int(steps.max())), [x])


def _integrator(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    terms = {"beta": 1.0, "drift": 0.0, "gain": _dt(options) * node.numbers("r")}
    return _leak(g, node, path, x, terms)


def _li(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    rate = _dt(options) / node.numbers("tau")
    beta, drift, gain = 1 - rate, rate * node.numbers("v_leak"), rate * node.numbers("r")
    return _leak(g, node, path, x, {"beta": beta, "drift": drift, "gain": gain})


def _if(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    values = {"beta": 1.0, "drift": 0.0, "gain": _dt(options) * node.numbers("r")}
    return _spiking(g, node, options, path, x, values)


def _lif(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    rate = _dt(options) / node.numbers("tau")
    values = {
        "beta": 1 - rate,
        "drift": rate * node.numbers("v_leak"),
        "gain": rate * node.numbers("r"),
    }
    return _spiking(g, node, options, path, x, values)


def _cuba(g: Importing, node: NirNode, options: NirOptions, path: str, x: str) -> str:
    synapse = _dt(options) / node.numbers("tau_syn")
    terms = {"beta": 1 - synapse, "drift": 0.0, "gain": synapse * node.numbers("w_in")}
    current = _leak(g, node, f"{path}.synapse", x, terms)
    rate = _dt(options) / node.numbers("tau_mem")
    beta, drift, gain = 1 - rate, rate * node.numbers("v_leak"), rate * node.numbers("r")
    values = {"beta": beta, "drift": drift, "gain": gain}
    if node.type == "CubaLI":
        return _leak(g, node, f"{path}.membrane", current, values)
    return _spiking(g, node, options, f"{path}.membrane", current, values)


def _leak(g: Importing, node: NirNode, path: str, x: str, terms: Mapping[str, Any]) -> str:
    params = {role: _single(_spread(g, node, role, value, x)) for role, value in terms.items()}
    return g.add(path, Integrator(), [x], params)


def _spiking(
    g: Importing, node: NirNode, options: NirOptions, path: str, x: str, values: dict[str, Any]
) -> str:
    threshold, v_reset = node.numbers("v_threshold"), node.numbers("v_reset")
    if options.reset == "subtract" and np.any(v_reset != 0):
        raise SnncError(
            UNSUPPORTED_LAYER,
            "v_reset is not 0, and a subtractive reset has no use for it",
            hint="Use --nir-reset zero, or export v_reset = 0.",
        )
    if not options.plain:
        ends = {"threshold": threshold, "v_reset": v_reset}
        return _cell(g, node, options, path, x, values | ends)
    if options.reset == "zero":
        # The neuron's reset acts at the next step, after leak and drift have acted on v_reset.
        after = np.asarray(values["beta"]) * v_reset + values["drift"]
        values = values | {"threshold": threshold, "reset": after}
        return _neuron(g, node, path, x, values, "hard")
    values = values | {"threshold": threshold, "reset": values["beta"] * threshold}
    return _neuron(g, node, path, x, values, "soft")


def _cell(
    g: Importing, node: NirNode, options: NirOptions, path: str, x: str, values: dict[str, Any]
) -> str:
    """A neuron of several spikes a step, or with a floor."""
    many = options.spikes == "many"
    if many and values["threshold"].min() <= 0:
        raise SnncError(
            UNSUPPORTED_LAYER,
            "a v_threshold of 0 or less goes into a potential any number of times",
            hint="Use --nir-spikes one.",
        )
    constants = {role: _single(_spread(g, node, role, value, x)) for role, value in values.items()}
    subtract = options.reset == "subtract"
    floor = -np.inf if options.floor is None else options.floor
    program, params = neuron_cell(constants, many=many, subtract=subtract, floor=floor)
    return g.add(path, Cell(program=program), [x], params)


def _neuron(
    g: Importing, node: NirNode, path: str, x: str, values: dict[str, Any], reset_mode: str
) -> str:
    """A constant that is the same for all neurons becomes an attribute, else a parameter."""
    full = {role: _spread(g, node, role, value, x) for role, value in values.items()}
    alone = Neuron(reset_mode=reset_mode, strict=True, initial=0.0)
    op, varied = alone.with_constants(full)
    return g.add(path, op, [x], {role: _single(value) for role, value in varied.items()})


def _spread(g: Importing, node: NirNode, role: str, value: Any, x: str) -> Array:
    """A constant as one number per channel where that is enough, else as one per neuron.

    Raises:
        SnncError: BAD_SHAPE where the file's array does not have the shape of its input.
    """
    shape = g.type_of(x).shape
    array = np.asarray(value, dtype=np.float64)
    if len(shape) == 3 and shape[1] == 1 and array.shape == (shape[0], shape[2]):
        array = array[:, None]  # a signal (C, L) travels as an image (C, 1, L)
    if array.size > 1 and array.shape != shape:
        raise SnncError(
            BAD_SHAPE, f"{role} is {array.shape}, and the input is {shape}", where=node.key
        )
    channels = (shape[0], *[1] * (len(shape) - 1))
    if array.size == 1:
        return np.full(channels, array.flat[0])
    rows = array.reshape(shape[0], -1)
    same = bool((rows == rows[:, :1]).all())
    return rows[:, :1].reshape(channels) if same else array


def _single(value: Array | None) -> Any:
    """Numbers that PyTorch holds as float32, so that both readings start from the same ones."""
    return None if value is None else np.asarray(value, np.float64).astype(np.float32)


def _dt(options: NirOptions) -> float:
    if options.dt is None:
        raise SnncError(UNSUPPORTED_LAYER, "it needs a time step", hint="Give --nir-dt.")
    return options.dt


_IMPORTERS: dict[str, NodeImporter] = {
    "Affine": _affine,
    "Linear": _affine,
    "Conv1d": _conv,
    "Conv2d": _conv,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flatten,
    "Scale": _scale,
    "Threshold": _threshold,
    "Delay": _delay,
    "I": _integrator,
    "LI": _li,
    "IF": _if,
    "LIF": _lif,
    "CubaLI": _cuba,
    "CubaLIF": _cuba,
}
