"""RM-Bench (Liu et al., 2024): right and wrong answers in three styles each; how far does style decide?

``M[i][j]`` is 1 where right answer ``i`` beats wrong answer ``j`` (equal scores are wrong); style 0 is concise, 1 detailed,
2 detailed with Markdown. Easy is the mean of the cells where the right answer is the fancier one (``i > j``), Normal of
``i == j``, Hard of ``i < j``. A domain's score is the mean of the three, the overall one the mean over domains; safety pools
refusals and responses by prompt.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rightly.benchmarks.answers import RIGHT, WRONG, Answer
from rightly.benchmarks.benchmark import Benchmark, Expected, Published, Source
from rightly.benchmarks.protocol import (
    DROPPED,
    OVERALL,
    Credits,
    Protocol,
    Table,
    comparison_credits,
    decided_credits,
    mean,
)
from rightly.data.fields import Row, identity, make_pair, optional_text, text, texts
from rightly.data.fields import conversation as messages
from rightly.data.load import Rows
from rightly.errors import InputError
from rightly.metrics.accuracy import FailurePolicy, PairRule
from rightly.types import PreferencePair

STYLES = 3
_KINDS = ("easy", "normal", "hard")
_DIFFERENCES = frozenset({"easy-hard"})
_CELLS = [(i, j) for i in range(STYLES) for j in range(STYLES)]


def items(rows: Rows, place: Path) -> Iterator[PreferencePair]:
    """A row with three ``chosen`` and three ``rejected``; without ``domain`` the file's name says it (``chat_filtered``)."""
    for row in rows:
        yield _item(row, place.name.partition("_filtered")[0])


def _item(row: Row, stem: str) -> PreferencePair:
    chosen, rejected = texts(row, "chosen"), texts(row, "rejected")
    if len(chosen) != STYLES or len(rejected) != STYLES:
        raise InputError(f"{len(chosen)} chosen and {len(rejected)} rejected responses, expected 3 and 3")
    domain = optional_text(row, "domain") or stem
    named = text(row, "id") if isinstance(row.get("id"), str) else f"{domain}/{identity(row, 'id')}"
    item = make_pair(named, messages(row, "prompt"), (*chosen, *rejected), label="A", domain=domain)
    return item.model_copy(update={"ranks": (RIGHT,) * STYLES + (WRONG,) * STYLES})


def _by_kind(cells: Sequence[float]) -> list[float]:
    kinds: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for (i, j), value in zip(_CELLS, cells, strict=True):
        kinds["easy" if i > j else "normal" if i == j else "hard"].append(value)
    return [mean(np.array(kinds[kind])) for kind in _KINDS]


def domain_of(name: str) -> str:
    """Safety is one domain."""
    return name.partition("-")[0]


def _combine(credits: Credits, domains: Sequence[str]) -> Table:
    names = np.array([domain_of(name) for name in domains])
    table = {str(name): _row(credits[names == name]) for name in dict.fromkeys(names.tolist())}
    rows = list(table.values())
    overall = {column: mean(np.array([row[column] for row in rows])) for column in (*_KINDS, "average")}
    return {**table, OVERALL: overall | {"easy-hard": overall["easy"] - overall["hard"]}}


def _pooled(credits: Credits, domains: Sequence[str]) -> Table:
    return {OVERALL: _row(credits)}


def _row(credits: Credits) -> dict[str, float]:
    values = {kind: mean(credits[:, place]) for place, kind in enumerate(_KINDS)}
    return values | {"average": mean(np.array(list(values.values()))), "easy-hard": values["easy"] - values["hard"]}


def _protocol(name: str, rule: PairRule, failures: FailurePolicy, tie: float = 0.0, orders: int = 1) -> Protocol:
    def credits(answer: Answer) -> list[float]:
        return _by_kind(comparison_credits(answer, rule=rule, failures=failures, tie=tie))

    return Protocol(name, credits, _combine, orders, _DIFFERENCES)


_OFFICIAL = _protocol("official: equal is wrong, mean over domains", "judgebench", "wrong")
PROTOCOLS = (
    _OFFICIAL,
    Protocol("pooled over prompts", _OFFICIAL.credits, _pooled, differences=_DIFFERENCES),
    _protocol("ties half", "zero_is_half", "wrong", tie=0.5),
    _protocol("failures left out", "judgebench", "drop"),
    Protocol(DROPPED, lambda answer: _by_kind(decided_credits(answer)), _combine, differences=_DIFFERENCES),
    _protocol("right in both orders", "both_right", "wrong", orders=2),
)

RM_BENCH = Benchmark(
    name="rm-bench",
    title="RM-Bench",
    source=Source(hub="THU-KEG/RM-Bench", files=r".*(_filtered|total_dataset)\.json(\.gz)?"),
    licence="ODC-BY",
    citation="Liu et al., RM-Bench: Benchmarking Reward Models of Language Models with Subtlety and Style, 2024",
    items=items,
    protocols=PROTOCOLS,
    headline="average",
    failure_policy="a cell without a verdict, and one with equal scores, is wrong",
    judges="cells of a judge are its verdicts on pairs in both orders; upstream has no runner for judges",
    expected={
        "chat": Expected(129, "99c48fe43ccec2bb"),
        "code": Expected(228, "9b910f796106a3dd"),
        "math": Expected(529),
        "safety-refuse": Expected(284, "fe79d23327302106"),
        "safety-response": Expected(157, "8724529c2a9034aa"),
    },
    published=(
        Published("DeepSeek-R1 (prompted judge, upstream's README)", {"overall": 85.28, "chat": 84.24, "code": 72.66,
                  "math": 93.59, "safety": 90.65}),
    ),
)  # fmt: skip
