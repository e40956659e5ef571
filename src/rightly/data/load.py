"""Stream preference pairs from any source: a file, a hub data set, a shipped sample, or memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from rightly.data.columns import Family, check_columns, family_named, recognise
from rightly.data.delimited import read_csv
from rightly.data.fields import Row
from rightly.data.hub import parse_address, read_hub
from rightly.data.jsonl import read_array, read_lines
from rightly.data.layouts import as_known
from rightly.data.parquet import read_parquet
from rightly.data.samples import SAMPLES, sample_path
from rightly.errors import InputError, PairError, did_you_mean
from rightly.types import PreferencePair

T = TypeVar("T")

_READERS = {
    ".jsonl": read_lines,
    ".jsonl.gz": read_lines,
    ".json": read_array,
    ".json.gz": read_array,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".parquet": read_parquet,
}


IN_MEMORY = "the pairs in memory"
"""Name in errors of a source that is not a file."""


class Rows:
    """The rows of a source, one by one; it tracks the current row, so that an error can name it.

    Attributes:
        name: Name of the source in errors.
        corpus: Value for the ``source`` field of the pairs; ``None`` for a file.
    """

    def __init__(self, rows: Iterator[tuple[int, Row]], name: str, corpus: str | None) -> None:
        self.name, self.corpus = name, corpus
        self._rows, self._number = rows, 0

    @property
    def place(self) -> str:
        """The source and the number of the latest row."""
        return f"{self.name}:{self._number}"

    def __iter__(self) -> Iterator[Row]:
        for number, row in self._rows:
            self._number = number
            yield row

    def converted(self, convert: Callable[["Rows"], Iterator[T]]) -> Iterator[T]:
        """Yield the objects that a function makes from the rows.

        Raises:
            InputError: A row is unusable; the error names source and row.
        """
        try:
            yield from convert(self)
        except InputError as error:
            if error.where:
                raise
            raise InputError(error.problem, where=self.place, fix=error.fix) from None


def load_pairs(
    source: str | Path | Iterable[PreferencePair | Row], *, columns: str | None = None, limit: int | None = None
) -> Iterator[PreferencePair]:
    """Stream the pairs of a source in constant memory, apart from the ids, which must be unique.

    Args:
        source: Pairs, or rows with the columns of a family, in memory (a list, a ``datasets.Dataset``); a file (``.jsonl``,
            ``.json``, ``.csv``, each also gzipped, ``.parquet``); ``hub:ORG/NAME[@revision][:config][#split]``, or
            ``ORG/NAME`` if no such file exists; ``sample:ukpconvarg1``. Only an array in a ``.json`` file is read completely
            into memory.
        columns: Column family, if the columns fit several (see `rightly.data.columns`).
        limit: Maximum number of pairs.

    Returns:
        Pairs with ids unique within the source. A row without an id gets a content hash as id; if such a row occurs again,
        ``#2`` (``#3``, ...) is appended.

    Raises:
        InputError: The source or an option is unusable (raised at the call), or a row is unusable (raised while streaming,
            with the row's number). Repeated ids in the file are an error.
        MissingExtraError: The source needs the extra ``data``.
    """
    if limit is not None and limit < 1:
        raise InputError(f"the limit is {limit}, expected 1 or more")
    family = None if columns is None else family_named(columns)
    if isinstance(source, str | Path):
        found = open_rows(str(source)).converted(lambda each: _pairs(each, family))
    else:
        found = _in_memory(iter(source), family)
    return islice(found, limit)


def _in_memory(source: Iterator[PreferencePair | Row], family: Family | None) -> Iterator[PreferencePair]:
    first = next(source, None)
    whole: Iterator[Any] = source if first is None else chain([first], source)
    if not isinstance(first, PreferencePair):
        yield from Rows(enumerate(whole, 1), IN_MEMORY, None).converted(lambda each: _pairs(each, family))
        return
    unique = UniqueIds()
    for number, pair in enumerate(whole, 1):
        try:
            yield unique(pair)
        except InputError as error:
            raise InputError(error.problem, where=f"{IN_MEMORY}:{number}", fix=error.fix) from None


@contextmanager
def rows_named(sources: Iterable[str | Path], columns: str | None = None) -> Iterator[None]:
    """Add file and row to an error about a pair of these sources that is raised inside the block.

    A pair does not store its position, so the sources are read again up to the pair.

    Args:
        sources: Sources of the pairs, see `load_pairs`.
        columns: Column family, see `load_pairs`.
    """
    try:
        yield
    except PairError as error:
        if error.where:
            raise
        where = next((place for source in sources if (place := _place_of(error, str(source), columns))), "")
        raise PairError(error.pair_id, error.pair_key, error.reason, fix=error.fix, where=where) from None


def _place_of(wanted: PairError, source: str, columns: str | None) -> str | None:
    rows = open_rows(source)
    family = None if columns is None else family_named(columns)
    for pair in rows.converted(lambda each: _pairs(each, family)):
        if (pair.id, pair.content_key) == (wanted.pair_id, wanted.pair_key):
            return rows.place
    return None


def _pairs(rows: Rows, chosen: Family | None) -> Iterator[PreferencePair]:
    return (pair for _, pair in row_pairs(rows, chosen))


def row_pairs(rows: Rows, chosen: Family | None = None) -> Iterator[tuple[Row, PreferencePair]]:
    """The pairs of rows, each with its row in the columns of its family; to be used with `Rows.converted`.

    Args:
        rows: The rows of a source.
        chosen: Column family that the user selected; ``None`` if the columns tell.

    Raises:
        InputError: A row is unusable, or there are none.
    """
    family = chosen
    unique = UniqueIds()
    for given in rows:
        row = as_known(given, frozenset() if chosen is None else chosen.required)
        family = family or recognise(frozenset(row))
        check_columns(row, family, chosen=chosen is not None)
        pair = unique(family.pair(row))
        yield row, pair if rows.corpus is None else pair.model_copy(update={"source": rows.corpus})
    if unique.count == 0:
        raise InputError("holds no rows", where=rows.name)


class UniqueIds:
    """Pairs with ids that are unique within their source: repeated content gets a number, a repeated id its subset.

    Attributes:
        count: Number of pairs so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._seen: dict[str, str | None] = {}
        self._repeats: Counter[str] = Counter()

    def __call__(self, pair: PreferencePair) -> PreferencePair:
        """The pair with a unique id.

        Raises:
            InputError: The id occurred before, and no subset tells the two pairs apart.
        """
        self.count += 1
        if pair.id not in self._seen:
            self._seen[pair.id] = pair.domain
            return pair
        apart = f"{pair.domain}/{pair.id}"
        own, elsewhere = pair.id != pair.content_key, self._seen[pair.id] != pair.domain
        if own and elsewhere and pair.domain is not None and apart not in self._seen:
            self._seen[apart] = pair.domain
            return pair.model_copy(update={"id": apart})
        if own:
            raise InputError(
                f"id {pair.id!r} occurs twice", fix="make ids unique, or remove them to have them generated"
            )
        self._repeats[pair.id] += 1
        return self(pair.model_copy(update={"id": f"{pair.id}#{self._repeats[pair.id] + 1}"}))


def open_rows(source: str) -> Rows:
    """The raw rows of a source, before any column is interpreted; see `load_pairs` for sources."""
    kind, _, rest = source.partition(":")
    path = Path(source)
    address = parse_address(rest if kind == "hub" else source)
    if kind == "hub" or (address is not None and not path.exists() and _may_be_hub(path)):
        if address is None:
            raise InputError("is not a hub address", where=source, fix="write hub:ORG/NAME[@revision][:config][#split]")
        return Rows(read_hub(address, source), source, address.id)
    if kind == "sample":
        return Rows(read_lines(sample_path(rest), source), source, SAMPLES[rest])
    return Rows(_READERS[_checked_suffix(path)](path, source), source, None)


def _may_be_hub(path: Path) -> bool:
    """A mistyped file name must not turn into a download."""
    return not path.parent.exists() and not any(path.name.endswith(suffix) for suffix in _READERS)


def _checked_suffix(path: Path) -> str:
    readable = ", ".join(_READERS)
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if _suffix(p.name))[:8]
        hint = f"name one of its files: {', '.join(inside)}" if inside else f"it holds no {readable} file"
        raise InputError("is a folder", where=str(path), fix=hint)
    if not path.exists():
        raise InputError("no such file", where=str(path), fix=_nearest(path))
    suffix = _suffix(path.name)
    if suffix is None:
        raise InputError(
            f"files of type {path.suffix or '(none)'} are not read", where=str(path), fix=f"use {readable}"
        )
    return suffix


def _suffix(name: str) -> str | None:
    return next((suffix for suffix in _READERS if name.lower().endswith(suffix)), None)


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either; for a data set of the hub write hub:ORG/NAME"
    beside = [each.name for each in path.parent.iterdir()]
    return did_you_mean(path.name, beside, f"{path.parent} holds no file of a similar name")
