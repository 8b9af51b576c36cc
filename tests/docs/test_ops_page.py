"""docs/reference/ops.md is what its script writes now."""

from __future__ import annotations

import runpy

from tests.support.places import ROOT


def test_the_page_of_operators_is_up_to_date():
    page = runpy.run_path(str(ROOT / "docs" / "scripts" / "generate_ops.py"))["render"]()
    assert (ROOT / "docs" / "reference" / "ops.md").read_text("utf-8") == page, "make docs"
