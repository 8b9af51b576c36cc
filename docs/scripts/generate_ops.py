"""Write docs/reference/ops.md: every operator with its facets, its int8 form, and who knows it."""

from __future__ import annotations

from dataclasses import MISSING
from pathlib import Path

from snnc.compiler.frontend.nir.export import EXPORTED
from snnc.compiler.ir.roles import Role
from snnc.compiler.ops import COMPOSITES, OPS
from snnc.compiler.ops.base import Composite, Op, Rows
from snnc.compiler.ops.int8.fixed import IntegerOp
from snnc.compiler.passes.quantize import CONVERTED
from snnc.estimator.conventions import CONVENTIONS

PAGE = Path(__file__).parents[1] / "reference" / "ops.md"

HEAD = """\
# Operators

Written by `make docs` from `compiler/ops/`; change the operators, not this page.

Every operator has all seven facets (time, type, reference, rounding bound, count, C, samples), or
it cannot be defined. What differs from operator to operator is below.

- *Roles*: what it is to those who do not compute it (`compiler/ir/roles.py`, below). One that has
  none is refused, by name, wherever a role is asked for.
- *Rows*: whether it can share a loop over the rows of a map.
- *int8*: whether it has an int8 form; "folded" where a pass removes it first in ordinary networks.
- *Conventions*: the counting conventions that have a rule for it, beside `executed`, which takes
  every operator's own count.
- *NIR*: whether `export_nir` can write it.

"""

FOLDED = {"batch_norm": "folded", "avg_pool2d": "folded"}
"""Into a convolution or linear layer (compiler/passes/fold_*.py)."""


def attributes_of(op: type[Op] | type[Composite]) -> str:
    """Attributes and parameters; optional ones in brackets, what may be either once."""
    either = {entry.name for entry in op.fields() if entry.metadata["rule"].or_parameter}
    named = [(e.name, e.default is MISSING or e.name in either) for e in op.fields()]
    named += [(p.role, p.required) for p in op.parameters if p.role not in either]
    shown = (f"`{name}`" if required else f"[`{name}`]" for name, required in named)
    return ", ".join(shown) or "none"


def roles(op: type[Op]) -> str:
    """The roles of an op."""
    return ", ".join(role.name.lower() for role in op.roles) or "none"


def conventions_of(op: type[Op]) -> str:
    """The conventions with a rule for an op."""
    known = [c.name for c in CONVENTIONS.values() if c.name != "executed" and c.rule_of(op)]
    others = [c.name for c in CONVENTIONS.values() if c.name != "executed"]
    return "all" if known == others else ", ".join(known) or "none"


def row_of(op: type[Op]) -> str:
    """A line of the table of float operators."""
    integer = "yes" if op.name in CONVERTED else FOLDED.get(op.name, "")
    rows = op.rows.value if op.rows is not Rows.NEVER else ""
    nir = "yes" if op.name in EXPORTED else ""
    conventions = conventions_of(op)
    cells = (f"`{op.name}`", attributes_of(op), roles(op), rows, integer, conventions, nir)
    return f"| {' | '.join(cells)} |\n"


def render() -> str:
    """The whole page."""
    floats = [op for op in OPS.values() if not issubclass(op, IntegerOp)]
    integers = [op for op in OPS.values() if issubclass(op, IntegerOp)]
    parts = [HEAD, "| op | attributes and parameters | roles | rows | int8 | conventions | NIR |\n"]
    parts += ["| --- | --- | --- | --- | --- | --- | --- |\n", *map(row_of, floats)]
    parts += [
        "\n## Integer operators\n\n| op | attributes and parameters | roles | rows | gives |\n"
    ]
    parts += ["| --- | --- | --- | --- | --- |\n"]
    for op in integers:
        rows = op.rows.value if op.rows is not Rows.NEVER else ""
        gives = op.form.value if op.form is not None else ""
        cells = (f"`{op.name}`", attributes_of(op), roles(op), rows, gives)
        parts.append(f"| {' | '.join(cells)} |\n")
    parts += ["\n## Composites\n\nSplit into the operators above before anything else.\n\n"]
    parts += ["| composite | attributes and parameters |\n| --- | --- |\n"]
    parts += [f"| `{c.name}` | {attributes_of(c)} |\n" for c in COMPOSITES.values()]
    parts += ["\n## Roles\n\n| role | an op that plays it |\n| --- | --- |\n"]
    parts += [f"| {role.name.lower()} | {role.value} |\n" for role in Role]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE}")
