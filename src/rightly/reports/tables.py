"""Tables of the page: cells for figures and intervals, and the section that any caller may add."""

from collections.abc import Sequence
from dataclasses import dataclass

from rightly.metrics.estimate import Estimate
from rightly.reports.charts import interval_bar
from rightly.reports.markup import Child, Html, join, tag
from rightly.reports.numbers import NONE, decimal, interval, known

Value = str | int | float | Estimate | None
"""A cell of an added table: text, a count, a figure from 0 to 1, an estimate with its interval, or nothing."""


@dataclass(frozen=True, slots=True)
class TableSection:
    """A table that is added to the page; every string of it is text, never markup.

    Attributes:
        title: Its heading.
        intro: A paragraph before it.
        columns: The headers; the first column names the rows.
        rows: A value for each column.
        notes: Lines beneath.
    """

    title: str
    intro: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the columns.

        Raises:
            ValueError: A row has another number of values.
        """
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} of {self.title!r} has {len(row)} values for {len(self.columns)} columns"
                )


@dataclass(frozen=True, slots=True)
class Column:
    """A header with the definition behind it.

    Attributes:
        name: The header.
        meaning: Its definition in a sentence.
        numeric: Whether its cells are figures (aligned to the right).
    """

    name: str
    meaning: str = ""
    numeric: bool = True


def data_table(columns: Sequence[Column], rows: Sequence[Sequence[Html]], kind: str = "") -> Html:
    """A table whose first column heads the rows; on narrow screens it scrolls within its frame.

    Args:
        columns: The headers.
        rows: The cells, made by the functions of this module.
        kind: A class for its looks.
    """
    body = tag("tbody", *(_row(columns, row) for row in rows))
    return framed(tag("table", head(columns), body, class_=kind or None))


def framed(table: Html) -> Html:
    """A table in a frame that scrolls by itself, with the keyboard too."""
    return tag("div", table, class_="frame", tabindex=0)


def head(columns: Sequence[Column]) -> Html:
    """The header row; definitions are tooltips."""
    return tag("thead", tag("tr", *(_header(column) for column in columns)))


def text(value: Child) -> Html:
    """A cell's text."""
    return tag("span", value)


def missing(reason: str) -> Html:
    """An en dash that says why there is no number."""
    return tag(
        "span",
        tag("span", NONE, aria_hidden="true"),
        tag("span", reason, class_="spoken"),
        class_="missing",
        title=reason,
    )


def figure(value: float | None, reason: str = "nothing to measure it on", places: int = 3) -> Html:
    """A figure, or a dash with its reason."""
    return tag("span", decimal(value, places), class_="figure") if known(value) else missing(reason)


def estimate_cell(estimate: Estimate, reason: str = "nothing to measure it on", letters: str = "") -> Html:
    """A figure with its interval and letters beneath each other."""
    if not known(estimate.value):
        return missing(reason)
    return tag(
        "span",
        tag("span", decimal(estimate.value), class_="figure"),
        tag("span", letters, class_="letters", title="shares a letter: cannot be told apart") if letters else None,
        tag("span", interval(estimate), class_="interval") if interval(estimate) else None,
        class_="estimate",
        title=f"n = {estimate.n:,}",
    )


def charted_cell(estimate: Estimate, kind: str, reason: str, letters: str = "") -> Html:
    """As `estimate_cell`, over a bar on the axis from 0 to 1."""
    if not known(estimate.value):
        return missing(reason)
    return tag("div", estimate_cell(estimate, reason, letters), interval_bar(estimate, kind), class_="charted")


def added_table(section: TableSection) -> Html:
    """The table of a section that a caller adds, with what stands around it."""
    columns = [
        Column(name, numeric=place > 0 and all(not isinstance(row[place], str) for row in section.rows))
        for place, name in enumerate(section.columns)
    ]
    rows = [[_value_cell(value) for value in row] for row in section.rows]
    intro = tag("p", section.intro) if section.intro else None
    return join([intro, data_table(columns, rows), notes(section.notes)])


def notes(lines: Sequence[str]) -> Html:
    """Small print, a paragraph a line."""
    return tag("div", *(tag("p", line) for line in lines), class_="notes") if lines else Html("")


def _value_cell(value: Value) -> Html:
    if value is None:
        return missing("not measured")
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Estimate):
        return charted_cell(value, "consistency", "not measured")
    return text(f"{value:,}") if isinstance(value, int) else figure(value)


def _header(column: Column) -> Html:
    kind = "number" if column.numeric else None
    if not column.meaning:
        return tag("th", column.name, scope="col", class_=kind)
    return tag("th", tag("abbr", column.name, title=column.meaning), scope="col", class_=kind)


def _row(columns: Sequence[Column], cells: Sequence[Html]) -> Html:
    first, *others = zip(columns, cells, strict=True)
    return tag(
        "tr",
        tag("th", first[1], scope="row"),
        *(
            tag("td", cell, class_="number" if column.numeric else None, data_label=column.name)
            for column, cell in others
        ),
    )
