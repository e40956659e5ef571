"""Anyone's own labelled pairs, under the rule of `rightly audit`; JudgeBench's stands beside it."""

from collections.abc import Iterator
from pathlib import Path

from rightly.benchmarks.benchmark import Benchmark, Source
from rightly.benchmarks.protocol import ACCURACY, pair_protocols
from rightly.data.columns import recognise
from rightly.data.fields import optional_text
from rightly.data.layouts import as_known
from rightly.data.load import Rows
from rightly.types import PreferencePair


def items(rows: Rows, place: Path) -> Iterator[PreferencePair]:
    """Labelled pairs of any column family that `rightly.data` reads."""
    for row in rows:
        known = as_known(row)
        pair = recognise(frozenset(known)).pair(known)
        if has_side(pair):
            yield pair.model_copy(update={"domain": pair.domain or optional_text(row, "subset")})


def has_side(pair: PreferencePair) -> bool:
    """Whether one of the responses is labelled as the better one."""
    return pair.label not in (None, "tie")


OWN = Benchmark(
    name="pairs",
    title="own pairs",
    source=Source(hub="", files=r".*\.(jsonl|json|parquet)(\.gz)?", upstream="a file of pairs"),
    licence="the data's own",
    citation="",
    items=items,
    protocols=pair_protocols(
        official="orders add up, a failure in either is wrong; pooled over pairs",
        failures="wrong",
        rule="failures_wrong",
    ),
    headline=ACCURACY,
    failure_policy="a pair without a usable verdict in every order asked is wrong",
)
