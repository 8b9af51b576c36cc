"""What the tests of the capture share: functions as models, and the check of link 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnc.compiler.frontend.capture import Captured, capture, compare
from snnc.errors import UNSUPPORTED_LAYER, SnncError


class Function(nn.Module):
    """A model whose forward is a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


class Step(nn.Module):
    """A neuron between two linear layers, called for each step on [N, features]."""

    def __init__(self, features: int, neuron: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.f, self.l, self.o = nn.Linear(features, 8), neuron, nn.Linear(8, 5)
        nn.init.normal_(self.f.weight, 0.08, 0.4)

    def forward(self, x: Tensor) -> Any:
        y = self.l(self.f(x))
        return self.o(y[0] if isinstance(y, tuple) else y)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2


def held(
    model: nn.Module | Callable[..., Any], *shapes: tuple[int, ...], **options: Any
) -> Captured:
    """Capture a model, and compare it on the input of the capture and on two others."""
    module = model if isinstance(model, nn.Module) else Function(model)
    first = tuple(drawn(*shape, seed=9 + place) for place, shape in enumerate(shapes))
    captured = capture(module, first, **options)
    for seed in (0, 100):
        other = tuple(drawn(*shape, seed=seed + place) for place, shape in enumerate(shapes))
        for inputs in (first, other):
            found = compare(module, captured, inputs)
            assert found.holds, str(found)
    return captured


def refused(model: nn.Module | Callable[..., Any], *shapes: tuple[int, ...], **options: Any) -> str:
    """Capture a model that must be refused as an unsupported layer: the message."""
    module = model if isinstance(model, nn.Module) else Function(model)
    inputs = tuple(drawn(*shape, seed=place) for place, shape in enumerate(shapes))
    with pytest.raises(SnncError) as error:
        capture(module, inputs, **options)
    assert error.value.code is UNSUPPORTED_LAYER
    return str(error.value)


def targets(captured: Captured) -> list[str]:
    """The operators of a graph, by name."""
    return [str(node.target) for node in captured.graph.nodes if node.op == "call_function"]
