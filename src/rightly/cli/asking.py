"""What a verb that asks models works with: the pairs, the judges, the book, the folder; opened once, closed once."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from rightly.cli.estimate import estimate_lines
from rightly.cli.progress import progress
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.cache import AnswerCache
from rightly.judges.collect import collect_judgments, current_judgments
from rightly.judges.judge import Judge
from rightly.judges.specs import JudgeBuilder, priced_model
from rightly.store.run_folder import RunFolder
from rightly.types import Frozen, Judgment, PreferencePair


class PairsConfig(Frozen):
    """Which pairs."""

    pairs: str
    columns: str | None = None
    limit: int | None = None

    def load(self) -> Iterator[PreferencePair]:
        """The pairs, one by one."""
        return load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    def identity(self) -> dict[str, Any]:
        """What makes these pairs these, with the path of a file whole, so that any folder can find it again."""
        path = Path(self.pairs)
        whole = str(path.resolve()) if path.exists() else self.pairs
        return {"pairs": whole, "columns": self.columns, "limit": self.limit}


class Asking(Frozen):
    """How judges are asked, and what asking may cost."""

    max_reasons: int = 5
    seed: int = 0
    out: Path
    resume: bool = True
    cache: Path
    budget: float | None = None
    prices: tuple[str, ...] = ()
    as_json: bool = False

    def account(self, specs: Iterable[str]) -> Account:
        """The book of the run that asks these judges."""
        account = Account(dict(map(parse_price, self.prices)), self.budget)
        for model in filter(None, map(priced_model, specs)):
            account.check(model)
        return account

    def builder(self, cache: AnswerCache, account: Account) -> JudgeBuilder:
        """Builds this run's judges."""
        return JudgeBuilder(cache=cache, account=account, max_reasons=self.max_reasons, seed=self.seed)


class AskConfig(PairsConfig, Asking):
    """Pairs, judges, and how they are asked."""

    judges: tuple[str, ...]


@contextmanager
def answer_cache(path: Path) -> Iterator[AnswerCache]:
    """The answer cache, closed at the end."""
    cache = AnswerCache(path)
    try:
        yield cache
    finally:
        cache.close()


def build_judges(builder: JudgeBuilder, specs: Sequence[str]) -> list[Judge]:
    """The judges, each once.

    Raises:
        InputError: No judge, or one twice.
    """
    if not specs:
        raise InputError("no judge is named", fix="add --judge SPEC, for example --judge longer")
    known: dict[str, str] = {}
    for spec in specs:
        made_of = builder.identify(spec).fingerprint
        if made_of in known:
            raise InputError(f"judge {spec!r} is named twice (as {known[made_of]!r})", fix="name it once")
        known[made_of] = spec
    return [builder.build(spec) for spec in specs]


def ask_judges(
    config: Asking, pairs: Sequence[PreferencePair], specs: Sequence[str], folder: RunFolder
) -> dict[str, list[Judgment]]:
    """The judgments of pairs by judges, those that are missing made first; by spec, of these pairs alone."""
    account = config.account(specs)
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), specs)
        prices = {spec: account.prices[m] for spec in specs if (m := priced_model(spec)) in account.prices}
        for line in estimate_lines(judges, pairs, len(pairs), prices):
            click.echo(line, err=True)
        with folder.records("judgments", Judgment) as records:
            with progress(account.summary) as stage:
                run_and_close(collect_judgments(pairs, judges, records, stage("judging", None)), *judges)
            said = current_judgments(records.latest(), pairs, [judge.identity for judge in judges])
    found: dict[str, list[Judgment]] = {judge.name: [] for judge in judges}
    for judgment in said:
        found[judgment.judge].append(judgment)
    return {spec: found[judge.name] for spec, judge in zip(specs, judges, strict=True)}


def run_and_close(work: Coroutine[Any, Any, None], *closing: Any) -> None:
    """Run the asking, then close judges and matchers, also when it stops early."""

    async def whole() -> None:
        try:
            await work
        finally:
            for each in closing:
                await each.aclose()

    asyncio.run(whole())
