"""Reads text for figures of energy that do not say which view they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import takewhile

from snnc.estimator.views import TITLES

VIEW = re.compile("|".join(re.escape(title).replace(r"\ ", r"\s?") for title in TITLES.values()))
ENERGY = re.compile(r"\d[\d,.]*\s?(?:pJ|nJ|µJ|uJ|mJ)\b")
PERCENT = re.compile(r"\d\s?%")
SPEAKS_OF_ENERGY = re.compile(
    r"\benerg|ΔE|(?<!Δ_AC )\bsave[sd]?\b(?!.*accumulations)", re.IGNORECASE
)
PRICE = re.compile(r"\b(?:E_MAC|E_AC|AC|MAC|product|sum|comparison),? (?:of )?[\d.]+(?: pJ)?")
"""What an operation costs is a price, not the energy of a network."""

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z*`Δ])")


def unnamed_in_prose(text: str) -> list[str]:
    """Sentences with a figure of energy, or a percentage of energy, and no view."""
    sentences = SENTENCE.split(PRICE.sub("", " ".join(text.split())).replace("Eq. 11", "Eq.\xa011"))
    found = []
    for sentence in sentences:
        figure = ENERGY.search(sentence) or (
            PERCENT.search(sentence) and SPEAKS_OF_ENERGY.search(sentence)
        )
        if figure and not VIEW.search(sentence.replace("\xa0", " ")):
            found.append(sentence)
    return found


def unnamed_in_table(rows: list[list[str]]) -> list[str]:
    """Cells with a figure of energy whose column and row name no view; the first row is the head.

    A column that is headed by nothing, or by "of …", continues the one to its left.
    """
    head: list[str] = []
    for title in rows[0]:
        continues = head and (not title.strip() or title.startswith("of "))
        head.append(head[-1] if continues else title)
    found = []
    for row in rows[1:]:
        words = " ".join(cell for cell in row if not re.search(r"\d", VIEW.sub("", cell)))
        for title, cell in zip(head, row, strict=False):
            speaks = SPEAKS_OF_ENERGY.search(title)
            figure = ENERGY.search(cell) or (speaks and re.match(r"[+-]?\d", cell))
            if figure and not VIEW.search(f"{title} {words}"):
                found.append(f"{title}: {cell}")
    return found


def unnamed_in_markdown(text: str) -> list[str]:
    """Figures without a view in a page of Markdown; code blocks are read too."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        table = [line for line in lines if line.startswith("|")]
        if table:
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
            found += unnamed_in_table([rows[0], *rows[2:]])
        found += unnamed_in_prose("\n".join(line for line in lines if not line.startswith("|")))
    return found


def unnamed_in_html(text: str) -> list[str]:
    """Figures without a view in a page that snnc wrote: its tables, its tiles and all its text."""
    page = _Page(text)
    found = [cell for rows in page.tables for cell in unnamed_in_table(rows)]
    return found + [sentence for block in page.blocks for sentence in unnamed_in_prose(block)]


def unnamed_in_terminal(text: str) -> list[str]:
    """Figures without a view in what a command printed: tables have a line under their head."""
    found = []
    head, prose = "", ""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and lines[number + 1].startswith("──"):
            head = line
        elif not line.strip():
            found += unnamed_in_prose(prose)
            prose = ""
        elif head and _is_row(lines, number):
            found += [line for place in _figures(line) if not _names(head, line, place)]
        elif not line.startswith("──"):
            head, prose = "", f"{prose}\n{line}"
    return found + unnamed_in_prose(prose)


def _is_row(lines: list[str], number: int) -> bool:
    """Whether a line still belongs to the table: no blank line but a section's before it, and not
    of a paragraph, which ends with a full stop, perhaps above the head of another table."""
    above = [line for line in lines[:number] if line.startswith("──")]
    below = zip(lines[number:], [*lines[number + 1 :], ""], strict=True)
    text = takewhile(lambda pair: pair[0].strip() and not pair[1].startswith("──"), below)
    paragraph = [line for line, _ in text]
    prose = re.match(r"\d+ recordings", lines[number]) or paragraph[-1].rstrip().endswith(".")
    return bool(above) and not prose


def _figures(line: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in ENERGY.finditer(line))


def _names(head: str, row: str, place: tuple[int, int]) -> bool:
    """Whether the column above a figure (they end together) or the row's start names a view."""
    start, end = place
    above = head[len(row[:start].rstrip(" +-")) : end]
    return bool(VIEW.search(above) or VIEW.match(row))


class _Page(HTMLParser):
    """The tables of a page, row by row, and the rest of its text, block by block."""

    BLOCKS = ("p", "li", "dd", "dt", "h1", "h2", "h3", "figcaption", "svg", "header", "ul")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.blocks = [""]
        self.in_table = False
        self.silent = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a table, a row, a cell or a block."""
        if tag == "table":
            self.in_table = True
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in self.BLOCKS:
            self.blocks.append("")
        self.silent = tag == "style" or (self.silent and tag != "style")

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened."""
        if tag == "table":
            self.in_table = False
        if tag in self.BLOCKS:
            self.blocks.append("")
        if tag == "style":
            self.silent = False

    def handle_data(self, data: str) -> None:
        """Text, where it belongs."""
        if self.silent:
            return
        if self.in_table:
            if self.tables[-1] and self.tables[-1][-1]:
                self.tables[-1][-1][-1] += data
        else:
            self.blocks[-1] += f" {data}"
