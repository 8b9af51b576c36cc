"""One run of a model under the tracer, and what it becomes."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from snnc.compiler.frontend.capture import mends, window
from snnc.compiler.frontend.capture.captured import Captured, Input, Output, State
from snnc.compiler.frontend.capture.recorder import Recorder
from snnc.compiler.frontend.capture.snapshot import Snapshot, tensors_of
from snnc.compiler.frontend.capture.tensors.heap import Heap
from snnc.compiler.frontend.capture.window import Reset


class Run:
    """A model that is about to run on copies of its arguments."""

    def __init__(
        self, model: nn.Module, recorder: Recorder, heap: Heap, arguments: tuple[Any, ...]
    ) -> None:
        self._model = model
        self._recorder = recorder
        self._heap = heap
        given, self._input_spec = pytree.tree_flatten_with_path(arguments)
        self._given = [
            (_place(path), x.detach().clone() if isinstance(x, Tensor) else x) for path, x in given
        ]
        self._inputs: list[Input] = []
        self._outputs: list[Output] = []
        self._output_spec: pytree.TreeSpec | None = None
        self._kept: list[dict[str, fx.Node]] = []

    def go(self, steps: int | None) -> None:
        """Run the model, once or once for each of ``steps``, under the tracer."""
        for name, x in self._given:
            if isinstance(x, Tensor):
                node = self._recorder.input(f"input_{len(self._inputs)}", x)
                self._heap.add(x, node)
                self._inputs.append(Input(name, node, tuple(x.shape), x.stride()))
        arguments = pytree.tree_unflatten([x for _, x in self._given], self._input_spec)
        after_call = self._after_call if steps is not None else lambda call: None
        given, self._output_spec = pytree.tree_flatten_with_path(
            window.run(self._model, arguments, steps, after_call)
        )
        self._outputs = [self._output(_place(path), value) for path, value in given]
        if not any(output.node for output in self._outputs):
            raise self._recorder.refused("the model gives no tensor", mends.RESULT)

    def captured(
        self, rest: Snapshot, steps: int | None, per_step: bool, reset: Reset | None
    ) -> Captured:
        """The finished capture; ``rest`` is the model before the run."""
        states = self._states(rest)
        results = [output.node for output in self._outputs if output.node is not None]
        finals = [state.final for state in states if state.final is not None]
        self._recorder.graph.output((*results, *finals))
        live = self._recorder.without_dead_nodes()
        self._recorder.keep_numbers()
        tensors = self._recorder.attributes
        assert self._output_spec is not None
        return Captured(
            model=self._model,
            graph=self._recorder.graph,
            root=self._recorder.root(),
            tensors={name: x for name, x in tensors.items() if isinstance(x, Tensor)},
            inputs=tuple(self._inputs),
            input_spec=self._input_spec,
            input_constants=tuple(x for _, x in self._given if not isinstance(x, Tensor)),
            outputs=tuple(self._outputs),
            output_spec=self._output_spec,
            states=tuple(_only(state, live) for state in states),
            steps=steps,
            per_step=per_step,
            reset=reset,
            written=tuple(self._heap.written),
        )

    def _output(self, name: str, value: Any) -> Output:
        if isinstance(value, Tensor):
            return Output(name, self._heap.node(value))
        if value is None or isinstance(value, bool | int | float | str):
            return Output(name, None, value)
        raise self._recorder.refused(
            f"forward gives a {type(value).__name__}, in which tensors are not found", mends.RESULT
        )

    # -- state between calls --------------------------------------------------------------------

    def _after_call(self, call: int) -> None:
        held = {name: self._heap.known(tensor) for name, tensor in tensors_of(self._model).items()}
        self._kept.append({name: node for name, node in held.items() if node is not None})
        self._recorder.call = call + 1

    def _states(self, rest: Snapshot) -> list[State]:
        read = {
            str(node.target): node for node in self._recorder.graph.nodes if node.op == "get_attr"
        }
        states = []
        for name in dict.fromkeys(name for kept in self._kept for name in kept):
            values = tuple(kept.get(name) for kept in self._kept)
            initial = read.get(name) if name in rest.tensors else None
            if self._is_state(initial, values):
                states.append(State(name, initial, values))
        return states

    def _is_state(self, initial: fx.Node | None, values: tuple[fx.Node | None, ...]) -> bool:
        """Whether an attribute changes, and a later call reads what an earlier one left."""
        if len(values) == 1:
            return values[0] is not initial
        changes = len({id(node) for node in values}) > 1
        return changes and any(
            call < user.meta["call"] < len(values)  # what stacks the results comes behind all calls
            for call, node in enumerate(values)
            if node is not None
            for user in node.users
        )


def _only(state: State, live: set[fx.Node]) -> State:
    values = tuple(node if node in live else None for node in state.values)
    initial = state.initial if state.initial in live else None
    return State(state.name, initial, values)


def _place(path: tuple[Any, ...]) -> str:
    return pytree.keystr(path)
