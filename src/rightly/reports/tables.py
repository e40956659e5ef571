"""What the tables of a page are made of: columns, and the section that any caller may add."""

from collections.abc import Sequence
from dataclasses import dataclass

from rightly.metrics.estimate import Estimate

Value = str | int | float | Estimate | None
"""A cell of an added table: text, a count, a figure from 0 to 1, an estimate with its interval, or nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """A header with the definition behind it.

    Attributes:
        name: The header.
        meaning: Definition of the column in a sentence.
        numeric: Whether its cells are figures (aligned to the right).
    """

    name: str
    meaning: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class TableSection:
    """A table that is added to the page; every string of it is text, never markup.

    Attributes:
        title: Heading of the table.
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

    @property
    def headers(self) -> list[Column]:
        """The columns; those that hold text are aligned to the left."""
        return [
            Column(name, numeric=place > 0 and all(not isinstance(row[place], str) for row in self.rows))
            for place, name in enumerate(self.columns)
        ]
