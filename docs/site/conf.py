"""How Sphinx builds the site: pages of docs/ and the tutorials, which are run as it is built."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

project = "snnc"
author = "the snnc authors"
release = version = importlib.metadata.version("snnc")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
root_doc = "index"
exclude_patterns = ["**/.*"]
if not (Path(__file__).parents[1] / "study.md").exists():
    exclude_patterns.append("study/plan.md")  # a plan is shown with what came of it
suppress_warnings = ["toc.not_included"]  # a page that no list names is found by the search
html_theme = "furo"
html_title = "snnc"
html_show_sourcelink = False
html_copy_source = False

myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# A drawing in the language of mermaid is shown as its text: what draws it is a script from afar.
highlight_language = "none"


def _mermaid_as_text(app, page, source):
    """Let a page's ```mermaid block be text."""
    source[0] = source[0].replace("```mermaid", "```text")


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _mermaid_as_text)
