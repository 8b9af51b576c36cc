"""Reading what PyTorch executes: a model and an input become a graph of ATen calls.

    captured = capture(model, (torch.zeros(10, 2, 2, 34, 34),), steps=10)
    replay(captured, inputs)             # what the graph gives
    compare(model, captured, inputs)     # bit for bit what the model gives?

One run says what the model does for inputs of these shapes. Three things are the caller's to do:

- **Batch.** Give N ≥ 2 samples and N ≠ T, so that the batch axis cannot be confused with an axis of
  one or with time. A constant that the model makes for its batch has the size N in the graph.
- **Time.** Give all T steps that will run. A shorter run would not see ``if t > 10``.
- **Proof.** Compare on every recording that counts. Some things the dispatcher does not see: random
  numbers of NumPy, variables that are not the model's, compiled extensions, threads that were
  running before. And PyTorch itself takes another way to singular values when it is watched. All of
  this shows as a difference, and then there is no graph of the model.

Refused, with the user's line: random numbers, decisions and shapes that depend on data, numbers
that leave PyTorch (``.numpy()``, ``.tolist()``, addresses, text), swapped memory (``.data =``,
``set_``, ``resize_``), gradients, threads, compiled operators of others, writes whose effect on
other tensors is not known. A write into the model's input is captured; the caller's tensor stays
as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from torch import nn

from snnc.compiler.frontend.capture import window
from snnc.compiler.frontend.capture.captured import Captured, Input, Output, State
from snnc.compiler.frontend.capture.guard import guarded
from snnc.compiler.frontend.capture.reading import Comparison, compare, replay
from snnc.compiler.frontend.capture.recorder import Recorder
from snnc.compiler.frontend.capture.running import Run
from snnc.compiler.frontend.capture.snapshot import Names, Snapshot
from snnc.compiler.frontend.capture.tensors.heap import Heap
from snnc.compiler.frontend.capture.tracer import Tracer
from snnc.compiler.frontend.capture.window import Reset
from snnc.compiler.frontend.importing import has_importer

__all__ = [
    "Captured",
    "Comparison",
    "Input",
    "Output",
    "State",
    "capture",
    "compare",
    "has_importer",
    "replay",
]

Leaves = Callable[[nn.Module], bool] | Collection[type]


def capture(
    model: nn.Module,
    inputs: Any,
    *,
    per_step: bool = False,
    steps: int | None = None,
    leaves: Leaves = (),
    reset: Reset | None = None,
) -> Captured:
    """Run a model once and write down what PyTorch executes.

    The model is brought to rest first and is afterwards what it was before, also after an error:
    attributes, buffers, modes, what its tensors hold. A model in training mode runs in eval mode.

    Args:
        model: any module on the CPU.
        inputs: what forward takes: a tensor, or a tuple of its arguments (tensors, or lists,
            tuples and dicts of them, with any constants in between). They are not written to.
        per_step: forward takes one step [N, ...] and the model keeps its state between calls; each
            tensor of ``inputs`` is [T, N, ...], forward is called for each step, and what it gives
            is stacked, time first.
        steps: T; needed for what comes after the capture where the model takes the whole window.
        leaves: modules that stay whole, one ``call_module`` each: a function of a module
            (:func:`has_importer`) or classes.
        reset: how the model forgets what it remembers; without it, the framework's own way and
            every module's own ``reset()``.

    Raises:
        SnncError: UNSUPPORTED_LAYER, with the module's path and the user's line, for what is not
            one fixed flow of values (random numbers, decisions that depend on data, numbers that
            leave PyTorch, swapped memory, gradients, threads, compiled operators), and for a
            forward that fails; BAD_OPTION for inputs that do not fit ``per_step``.
    """
    arguments = window.arguments_of(inputs)
    steps = window.steps_of(arguments, per_step, steps)
    with window.at_rest(model, reset):
        rest = Snapshot(model)
        names = Names(model, rest)
        recorder = Recorder(capture.__code__)
        heap = Heap(recorder, names)
        run = Run(model, recorder, heap, arguments)
        try:
            with guarded(Tracer(recorder, heap), names, _chooser(leaves)):
                run.go(steps if per_step else None)
        except Exception as error:  # the user's forward may raise anything
            raise recorder.failed(error) from error
        finally:
            heap.put_back()
        if recorder.refusal is not None:  # the model's own code caught it
            raise recorder.refusal
        return run.captured(rest, steps, per_step, reset)


def _chooser(leaves: Leaves) -> Callable[[nn.Module], bool]:
    if callable(leaves):
        return leaves
    classes = frozenset(leaves)
    return lambda module: type(module) in classes
