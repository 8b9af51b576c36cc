"""What leaves the dispatcher, or goes around it, while a model is captured."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snnc.compiler.frontend.capture import mends
from snnc.compiler.frontend.capture.snapshot import Names
from snnc.compiler.frontend.capture.tracer import Tracer

_READS: dict[Any, str] = {
    Tensor.numpy: "numpy()",
    Tensor.tolist: "tolist()",
    Tensor.__array__: "an array of NumPy",
    Tensor.data_ptr: "data_ptr()",
    Tensor.storage: "storage()",
    Tensor.untyped_storage: "untyped_storage()",
    Tensor.__dlpack__: "dlpack",
    Tensor.__reduce_ex__: "a copy by pickle",
    Tensor.__repr__: "text",
    Tensor.apply_: "apply_()",
    Tensor.map_: "map_()",
}
"""Calls that take the numbers of a tensor out of PyTorch."""

_AUTOGRAD: dict[Any, str] = {
    Tensor.backward: "backward()",
    torch.autograd.grad: "torch.autograd.grad",
}
_SET_DATA = Tensor.data.__set__  # type: ignore[attr-defined]


class Guard(TorchFunctionMode):
    """Refuses calls of the Python API that read or swap a tensor's memory behind the dispatcher."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Let a call through, or refuse it with the user's line."""
        if func in _READS and self._tracer.heap.depends(args[0]):
            raise self._refused(f"the numbers of a tensor leave PyTorch as {_READS[func]}")
        if func == _SET_DATA:
            raise self._refused("a tensor's memory is swapped (`.data =`)", mends.SWAP)
        if func in _AUTOGRAD:
            raise self._refused(f"gradients are computed ({_AUTOGRAD[func]})", mends.AUTOGRAD)
        if func is Tensor.__deepcopy__ and type(args[0]) is Tensor:
            copy = args[0].clone()
            args[1][id(args[0])] = copy
            return copy
        return func(*args, **(kwargs or {}))

    def _refused(self, what: str, hint: str = mends.ESCAPE) -> Exception:
        return self._tracer.recorder.refused(what, hint)


@contextmanager
def guarded(tracer: Tracer, names: Names, is_leaf: Callable[[nn.Module], bool]) -> Iterator[None]:
    """Capture what runs in this context in this thread, module by module."""
    thread = threading.get_ident()

    def call(original: Callable[..., Any], module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        path = names.module(module)
        if path is None:
            return original(module, *args, **kwargs)
        with tracer.recorder.inside(path):
            if path and is_leaf(module):
                return tracer.leaf(path, module, original, (args, kwargs))
            return original(module, *args, **kwargs)

    def elsewhere(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        what = "the model starts another thread, whose work is not seen"
        raise tracer.recorder.refused(what, mends.THREADS)

    def backward(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        what = "gradients are computed (torch.autograd.backward)"
        raise tracer.recorder.refused(what, mends.AUTOGRAD)

    def as_written(original: Callable[..., Any], model: Any = None, **options: Any) -> Any:
        return (lambda function: function) if model is None else model

    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        (nn.Module, "__call__", call),
        (threading.Thread, "start", elsewhere),
        (concurrent.futures.ThreadPoolExecutor, "submit", elsewhere),
        (torch.jit, "fork", elsewhere),
        (torch.autograd, "backward", backward),
        (torch, "compile", as_written),
    ]
    with ExitStack() as stack:
        for owner, name, function in replaced:
            stack.enter_context(_replaced(owner, name, function, thread))
        stack.enter_context(torch.no_grad())
        stack.enter_context(Guard(tracer))
        stack.enter_context(tracer)
        yield


@contextmanager
def _replaced(owner: Any, name: str, function: Callable[..., Any], thread: int) -> Iterator[None]:
    """Replace a function for one thread; ``function`` gets the original first."""
    original = getattr(owner, name)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == thread:
            return function(original, *args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, original)
