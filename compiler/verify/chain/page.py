"""The page of a proof: one HTML file that needs nothing else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import jinja2

from snnc.compiler.verify.chain.links import CLAIMS
from snnc.compiler.verify.chain.proof import Verification

TEMPLATES = files("snnc") / "compiler" / "verify" / "chain" / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text("utf-8")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = "{:,}".format
    return environment


def proof_page(result: Verification, model: str, data: str) -> str:
    """The HTML of a verification.

    Args:
        result: what was found.
        model: how the page calls the model.
        data: how it calls the recordings.
    """
    template = _environment().get_template("proof.html.j2")
    return template.render(
        result=result, proof=result.as_json(), model=model, data=data, claims=CLAIMS
    )
