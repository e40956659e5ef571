"""HTML from values: everything that is put into a page goes through `text`."""

import html
import json
from collections.abc import Iterable, Sequence

from rightly.types import Frozen


def text(value: object) -> str:
    """A value as HTML text or as a quoted attribute."""
    return html.escape(str(value), quote=True)


def table(header: Iterable[tuple[str, str]], rows: Iterable[Sequence[str]], *, css: str = "") -> str:
    """A table; the first column names its rows.

    Args:
        header: Column titles with their explanations (empty for none).
        rows: Cells as HTML.
        css: Class of the table.
    """
    head = "".join(f'<th scope="col" title="{text(why)}">{text(title)}</th>' for title, why in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    return f'<div class="wide"><table class="{css}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def section(title: str, body: str, *, intro: str = "", anchor: str = "") -> str:
    """A part of the page with its heading."""
    named = f' id="{text(anchor)}"' if anchor else ""
    said = f'<p class="intro">{text(intro)}</p>' if intro else ""
    return f"<section{named}><h2>{text(title)}</h2>{said}{body}</section>"


def notes(lines: Iterable[str]) -> str:
    """Small print."""
    found = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f'<ul class="notes">{found}</ul>' if found else ""


def embedded_json(rows: Iterable[Frozen]) -> str:
    """Records for a script element: no ``</script>``, no comment, no line separator can end or break it."""
    joined = ",".join(json.dumps(row.model_dump(mode="json"), ensure_ascii=False) for row in rows)
    escapes = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    return "[" + "".join(escapes.get(character, character) for character in joined) + "]"


class TableSection(Frozen):
    """A further part of a report: a table of texts.

    Attributes:
        title: Heading.
        intro: A paragraph before the table.
        columns: Titles; the first column names the rows.
        rows: Cells.
        notes: Lines after it.
    """

    title: str
    intro: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def html(self) -> str:
        """The part, escaped."""
        rows = ([text(cell) for cell in row] for row in self.rows)
        shown = table([(title, "") for title in self.columns], rows, css="numbers")
        return section(self.title, shown + notes(self.notes), intro=self.intro)
