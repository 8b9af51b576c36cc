"""Recurrent connections under construction: read first, written when its neuron is there."""

from __future__ import annotations

from dataclasses import dataclass

from snnc.compiler.frontend.importing import Importing
from snnc.compiler.ops import Feedback, FeedbackWrite
from snnc.errors import BAD_SHAPE, SnncError


@dataclass(frozen=True)
class Recurrence:
    """A recurrent connection that starts at the module ``path``; ``spikes`` is the value that it
    brings, those of the step before; ``edge`` names it, also where a module is used twice."""

    path: str
    edge: str
    spikes: str

    @classmethod
    def of(cls, g: Importing, path: str, shape: tuple[int, ...]) -> Recurrence:
        """Begin a connection that carries spikes of a shape."""
        others = [node for node in g.nodes.values() if isinstance(node.op, Feedback)]
        edge = f"{path} {len(others)}"
        read = g.add(f"{path}.previous", Feedback(edge=edge, shape=shape), ())
        return cls(path, edge, read)

    def close(self, g: Importing, spikes: str) -> None:
        """Say what it carries. Raises SnncError: BAD_SHAPE where that has another shape,
        UNSUPPORTED_LAYER where it is not spikes."""
        given, wanted = g.type_of(spikes), g.type_of(self.spikes)
        if given.shape != wanted.shape:
            raise SnncError(
                BAD_SHAPE,
                f"its recurrent connection is for {wanted.shape}, and it gives {given.shape}",
                where=self.path,
            )
        g.add(f"{self.path}.kept", FeedbackWrite(edge=self.edge), [spikes])
