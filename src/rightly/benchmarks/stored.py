"""Result files that others published, read as answers, so that anyone's run can be scored, compared and audited again.

Items are found by what they say, not by their place, wherever a file holds the texts.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rightly.benchmarks.answers import Answer, from_outcomes, from_scores
from rightly.benchmarks.benchmark import Benchmark
from rightly.data.fields import Row, came
from rightly.data.load import Rows, open_rows
from rightly.errors import InputError
from rightly.metrics.accuracy import Outcome, outcome
from rightly.types import PreferencePair, content_key

_DECISIONS: dict[Any, str | None] = {"A>B": "A", "B>A": "B", "A=B": "tie", "A>>B": "A", "B>>A": "B", None: None}
_SWAPPED = {"A": "B", "B": "A", "tie": "tie", None: None}


def stored_answers(benchmark: Benchmark, items: Sequence[PreferencePair], source: str, model: str) -> list[Answer]:
    """Answers of a stored run.

    Read are: JudgeBench's output files; RewardBench's and RewardBench 2's per-item scores (``results`` with ``id`` and
    ``scores_chosen``/``scores_rejected`` or ``scores``); RM-Bench's result files (``score_chosen``, ``score_rejected``);
    LLMBar's ``result.json``; and rows of ``id`` and ``scores``, one a response.

    Every row must be of one item, and of each item there is at most one row; scores are finite numbers.

    Args:
        benchmark: Benchmark of the run.
        items: All its items.
        source: A file, or a folder for sets that have a file each.
        model: Name of the run.

    Raises:
        InputError: The file is none of these, a row is of no item, of several or of one that had a row, or it cannot be read;
            names item, file and row.
    """
    rows = list(_rows(source))
    if not rows:
        raise InputError("holds no rows", where=source)
    first = rows[0].row
    if "judgments" in first:
        answers = _judgebench(items, rows, model)
    elif {"output_1", "results"} <= set(first):
        answers = _llmbar(items, rows, model)
    else:
        answers = from_scores(items, model, _scores(items, rows))
    if not any(value is not None for answer in answers for each in answer.outcomes for value in each):
        raise InputError(f"answers none of the {len(items)} items of {benchmark.title}", where=source)
    return answers


class _Placed(NamedTuple):
    """A row and where it stands: file and row."""

    row: Row
    place: str


def _rows(source: str) -> Iterator[_Placed]:
    """Rows of a file, or of every result file of a folder; one object of columns is taken apart."""
    path = Path(source)
    if path.is_dir():
        for file in sorted(path.rglob("*.json*")):
            if "statistics" not in file.name:
                yield from _rows(str(file))
        return
    rows = open_rows(source)
    for row in rows:
        if isinstance(row.get("id"), list):
            yield from _taken_apart(row, rows)
        else:
            yield _Placed(row, rows.place)


def _taken_apart(row: Row, rows: Rows) -> Iterator[_Placed]:
    columns = {name: values for name, values in row.items() if isinstance(values, list)}
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise InputError(f"columns of different lengths ({lengths})", where=rows.place)
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        yield _Placed(dict(zip(columns, values, strict=True)), f"{rows.name}:{number}")


class _Found:
    """The row of every item: one at most."""

    def __init__(self) -> None:
        self._rows: dict[str, _Placed] = {}

    def add(self, key: str, name: str, placed: _Placed) -> None:
        """Take a row.

        Raises:
            InputError: There is another row of the same item; names the item and both places.
        """
        before = self._rows.setdefault(key, placed)
        if before is not placed:
            raise InputError(
                f"{name!r} is answered a second time, first in row {before.place}",
                where=placed.place,
                fix="keep one row an item; where ids repeat over subsets, a column 'subset' tells them apart",
            )

    def get(self, key: str) -> _Placed | None:
        return self._rows.get(key)


def _judgebench(items: Sequence[PreferencePair], rows: Sequence[_Placed], model: str) -> list[Answer]:
    by_id = _Found()
    for placed in rows:
        by_id.add(str(placed.row["pair_id"]), str(placed.row["pair_id"]), placed)

    def found(item: PreferencePair) -> list[tuple[Outcome, ...]]:
        placed = by_id.get(item.id)
        if placed is None:
            return [(None, None)]
        row = placed.row
        if (row["response_A"], row["response_B"]) != item.responses:
            raise InputError(f"pair {item.id!r} holds other responses than the benchmark", where=placed.place)
        decisions = [_decision(each, item.id, placed.place) for each in row["judgments"]]
        verdicts = [_SWAPPED[decision] if place == 1 else decision for place, decision in enumerate(decisions)]
        return [tuple(outcome(verdict, str(item.label)) for verdict in verdicts)]

    return [from_outcomes(item, model, found(item)) for item in items]


def _decision(judgment: Any, item: str, where: str) -> str | None:
    said = None if judgment is None else judgment.get("decision")
    if said not in _DECISIONS:
        raise InputError(
            f"pair {item!r} has decision {said!r}", where=where, fix=f"known: {', '.join(filter(None, _DECISIONS))}"
        )
    return _DECISIONS[said]


def _llmbar(items: Sequence[PreferencePair], rows: Sequence[_Placed], model: str) -> list[Answer]:
    by_text = _Found()
    for placed in rows:
        texts = [str(placed.row[name]) for name in ("input", "output_1", "output_2")]
        by_text.add(content_key(texts), texts[0], placed)
    winners = {"1": "A", "2": "B"}

    def found(item: PreferencePair) -> list[tuple[Outcome, ...]]:
        placed = by_text.get(content_key([item.context[-1].content, *item.responses]))
        if placed is None:
            return [(None, None)]
        last = placed.row["results"][-1]
        verdicts = [winners.get(str(last[f"swap = {swapped}"]["winner"])) for swapped in (False, True)]
        return [tuple(outcome(verdict, str(item.label)) for verdict in verdicts)]

    return [from_outcomes(item, model, found(item)) for item in items]


def _scores(items: Sequence[PreferencePair], rows: Sequence[_Placed]) -> dict[str, list[float]]:
    find = _ItemNames(items)
    by_item, found = _Found(), {}
    for placed in rows:
        item = find(placed)
        by_item.add(item.id, item.id, placed)
        found[item.id] = _scores_of(item, placed)
    return found


class _ItemNames:
    """Which item a row of scores is about: by its id, by subset and id, or by the id alone where that is unique."""

    def __init__(self, items: Sequence[PreferencePair]) -> None:
        self._known = {item.id: item for item in items}
        self._subsets = dict.fromkeys(item.domain or "all" for item in items)
        self._by_tail: dict[str, list[PreferencePair]] = {}
        for item in items:
            self._by_tail.setdefault(item.id.rpartition("/")[2], []).append(item)

    def __call__(self, placed: _Placed) -> PreferencePair:
        row, where = placed
        given = row.get("id", row.get("pair_id"))
        if given is None:
            raise InputError("has no id", where=where, fix="a row needs id and scores, one a response")
        name, subset = str(given), row.get("subset", row.get("domain"))
        fitting = [self._known[key] for key in (name, f"{subset}/{name}") if key in self._known][:1]
        if not fitting and subset is None:
            fitting = self._by_tail.get(name, [])
        if len(fitting) > 1:
            others = ", ".join(item.id for item in fitting[:3]) + (", ..." if len(fitting) > 3 else "")
            raise InputError(f"id {name!r} may be {others}", where=where, fix="add a column 'subset'")
        if fitting:
            return fitting[0]
        if subset is not None and subset not in self._subsets:
            problem = f"subset {subset!r} is none of {', '.join(self._subsets)}"
        else:
            problem = f"item {name if subset is None else f'{subset}/{name}'!r} is not in the data"
        raise InputError(problem, where=where, fix="give --data that hold it, or leave the row out")


def _scores_of(item: PreferencePair, placed: _Placed) -> list[float]:
    """The scores of an item's responses, in their order.

    Raises:
        InputError: There are none, too few or too many, or one is no finite number; names the item.
    """
    row = placed.row
    pairs_of_columns = (("scores_chosen", "scores_rejected"), ("score_chosen", "score_rejected"))
    columns = next(
        (names for names in pairs_of_columns if all(row.get(name) is not None for name in names)), ("scores",)
    )
    parts = [row.get(name) for name in columns]
    if columns == ("scores",) and not isinstance(parts[0], list):
        raise InputError(
            f"item {item.id!r} has no scores", where=placed.place, fix="a row needs id and scores, one a response"
        )
    values = [value for part in parts for value in (part if isinstance(part, list) else [part])]
    if len(values) != len(item.responses):
        problem = f"item {item.id!r}: {len(values)} scores for {len(item.responses)} responses"
        raise InputError(problem, where=placed.place)
    return [_score(value, item, number, placed.place) for number, value in enumerate(values, start=1)]


def _score(value: Any, item: PreferencePair, number: int, where: str) -> float:
    """A finite number, or a list of one (a model with one output)."""
    inner = value if isinstance(value, list) else [value]
    if len(inner) != 1:
        problem = f"{len(inner)} numbers for response {number}"
        fix = "keep the output that is the reward"
    elif isinstance(inner[0], bool) or not isinstance(inner[0], int | float) or not math.isfinite(inner[0]):
        problem, fix = f"{came(inner[0])} for response {number}", "write a finite number, or leave the row out"
    else:
        return float(inner[0])
    raise InputError(f"item {item.id!r}: {problem}", where=where, fix=fix)
