"""Text of the user's where a language would read more in it than letters; one function each.

Names that become identifiers come from :mod:`snnc.compiler.frontend.identifiers`. Nothing else of
the user's reaches Make, CMake, Kconfig, linker scripts, YAML or properties files; JSON is written
by :mod:`json`, HTML by Jinja with autoescape, the terminal by :class:`snnc.console.Terminal`.
"""

from __future__ import annotations

import re


def c_comment(text: str) -> str:
    """Text for the inside of a ``/* … */`` comment on one line: printable ASCII, escapes for the
    rest, and nothing that ends or begins a comment, a line or a trigraph."""
    plain = text.encode("unicode_escape").decode("ascii")
    return re.sub(r"(?<=\*)/|(?<=/)\*|(?<=\?)\?", r" \g<0>", plain)


def c_string(text: str) -> str:
    """Text for the inside of a C string literal, which then holds its UTF-8 bytes."""
    escapes = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}
    return "".join(
        escapes.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
        for byte in text.encode("utf-8", "backslashreplace")
    )
