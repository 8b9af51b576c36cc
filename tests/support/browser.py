"""Pages in a headless Chromium: what a script finds in them at a given width."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from typing import Any

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]

_HARNESS = """<!DOCTYPE html><meta charset="utf-8"><title>nothing</title><body style="margin:0">
<iframe id="page" width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe>
<script>
document.getElementById("page").addEventListener("load", event => {{
  const window = event.target.contentWindow, document = event.target.contentDocument;
  const all = query => [...document.querySelectorAll(query)];
  let found;
  try {{ found = (() => {{ {script} }})(); }} catch (error) {{ found = {{error: String(error)}}; }}
  self.document.title = JSON.stringify(found);
}});
</script>"""


def looked_at(
    page: str, script: str, folder: Path, *, width: int = 1280, dark: bool = False
) -> Any:
    """What a script returns that runs in a page.

    The page is a frame of exactly ``width`` pixels, since windows have a least width.

    Args:
        page: HTML.
        script: JavaScript that returns what JSON can hold; ``window``, ``document`` and ``all``
            (a query's elements) are the page's.
        folder: scratch.
        width: of the page, CSS pixels.
        dark: whether the reader prefers dark.
    """
    file = folder / "harness.html"
    harness = _HARNESS.format(width=width, page=escape(page), script=script)
    file.write_text(harness, encoding="utf-8")
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    command = [
        str(BROWSER), *FLAGS, *theme, f"--user-data-dir={folder / 'profile'}",
        f"--window-size={max(width, 500)},900", "--dump-dom", file.as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None
    return json.loads(unescape(title[1]))
