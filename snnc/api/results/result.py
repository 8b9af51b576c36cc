"""What every result can do: be printed, kept as JSON, become a table, a page, a notebook's cell."""

from __future__ import annotations

import html
import io
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.errors import BAD_OUTPUT, MISSING_EXTRA, SnncError

if TYPE_CHECKING:
    import pandas

_PRE = '<pre style="line-height:1.2;overflow-x:auto">{code}</pre>'


class Result(ABC):
    """A result of snnc: ``print`` it, show it in a notebook, or keep it.

    ``str(result)`` is the table that the command line prints; a notebook shows it with a picture.
    """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values: the JSON of the command line."""

    @abstractmethod
    def show(self, console: Console) -> None:
        """Print to a console of rich, as the command line does."""

    @abstractmethod
    def _page(self) -> str:
        """The page, HTML."""

    def _picture(self) -> str:
        """A drawing (SVG) under the table in a notebook; none by default."""
        return ""

    def _rows(self) -> list[dict[str, Any]]:
        """The rows of :meth:`to_pandas`."""
        rows: list[dict[str, Any]] = self.to_json()["layers"]
        return rows

    def to_pandas(self) -> pandas.DataFrame:
        """The layers as a pandas DataFrame, one a row; nested values are left to the JSON.

        Raises:
            SnncError: MISSING_EXTRA where pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise SnncError(
                MISSING_EXTRA,
                "a DataFrame needs pandas",
                hint="Install snnc[pandas]: pip install 'snnc[pandas]'.",
            ) from error
        flat = [
            {key: value for key, value in row.items() if not isinstance(value, dict | list)}
            for row in self._rows()
        ]
        return pandas.DataFrame(flat)

    def save(self, file: str | Path) -> Path:
        """Write the page (HTML, works from disk with no network) and give its path.

        Raises:
            SnncError: BAD_OUTPUT.
        """
        from snnc.atomic import write_atomically

        path, text = Path(file), self._page()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SnncError(BAD_OUTPUT, str(error.strerror), where=str(path)) from error
        write_atomically(path, text.encode("utf-8", "backslashreplace"))
        return path

    def __str__(self) -> str:
        console = Console(file=io.StringIO(), highlight=False, no_color=True)
        with console.capture() as caught:
            self.show(console)
        return "\n".join(line.rstrip() for line in caught.get().splitlines())

    def _repr_html_(self) -> str:
        console = Console(file=io.StringIO(), highlight=False, record=True, width=100)
        self.show(console)
        return console.export_html(inline_styles=True, code_format=_PRE) + self._picture()


def text_page(title: str, result: Result) -> str:
    """A page of a result that has none of its own: its table."""
    body = result._repr_html_()
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><body>{body}</body></html>\n'
    )
