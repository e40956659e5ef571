"""What a verb that asks models works with: the pairs, the judges, the book, the folder; opened once, closed once."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from rightly.cli.estimate import asked_of_judges, estimate_lines, sample, spending_lines
from rightly.cli.progress import progress
from rightly.data.load import load_pairs
from rightly.errors import EndpointError, InputError
from rightly.inference.account import Account, parse_price
from rightly.inference.answer_cache import AnswerCache
from rightly.judges.base import Judge
from rightly.judges.collect import collect_judgments, current_judgments
from rightly.judges.specs import JudgeBuilder
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

    def account(self) -> Account:
        """The account of the run, with its prices and its budget."""
        return Account(dict(map(parse_price, self.prices)), self.budget)

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
    account = config.account()
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), specs)
        with spending(account, folder):
            looked = sample(pairs)
            echo_lines(estimate_lines(asked_of_judges(judges, looked), len(looked), len(pairs), account))
            with folder.records("judgments", Judgment) as records:
                with progress(account) as stage:
                    run_and_close(collect_judgments(pairs, judges, records, stage("judging", None)), *judges)
                said = current_judgments(records.latest(), pairs, [judge.identity for judge in judges])
    found: dict[str, list[Judgment]] = {judge.name: [] for judge in judges}
    for judgment in said:
        found[judgment.judge].append(judgment)
    require_answers(
        account, "judge", [(judgment.judge, judgment.failure) for own in found.values() for judgment in own]
    )
    return {spec: found[judge.name] for spec, judge in zip(specs, judges, strict=True)}


@contextmanager
def spending(account: Account, folder: RunFolder) -> Iterator[None]:
    """Keep the book in the run folder; at the end, also one before its time, say what was spent and what failed."""
    with account.kept_in(folder.path):
        try:
            yield
        finally:
            echo_lines([*failure_lines(account), *spending_lines(account.book)])


def failure_lines(account: Account) -> list[str]:
    """A line for each model that left some requests of this process unanswered, and what to do about them."""
    silent = all(one.silent for one in account.models.values())
    lines = [
        f"{one.failed:,} of {one.calls:,} requests to {role} {model} failed, the last with: {one.last_error}; run the same "
        "command again to retry them"
        for (role, model), one in sorted(account.models.items())
        if one.failed and not silent
    ]
    if account.overrun:
        lines.append(
            f"${account.overrun:,.4f} was billed above what max_tokens allows: the endpoint does not keep to it, so a budget "
            "can be passed"
        )
    return lines


def require_answers(account: Account, role: str, ended: Iterable[tuple[str, str | None]]) -> None:
    """Check that a role was answered.

    Args:
        account: What this process asked.
        role: ``judge``, ``atomiser`` or ``matcher``.
        ended: Name and failure kind (``None`` for an answer) of every record of the role in the run.

    Raises:
        EndpointError: This process got no answer in this role, and some name has no answer on disk either.
    """
    asked = [one for (as_role, _), one in account.models.items() if as_role == role]
    if not asked or not all(one.silent for one in asked):
        return
    kinds: dict[str, set[str | None]] = {}
    for name, failure in ended:
        kinds.setdefault(name, set()).add(failure)
    if {"provider"} in kinds.values():
        n, last = sum(one.failed for one in asked), asked[-1].last_error
        raise EndpointError(
            f"none of {n:,} {role} requests was answered: {last}; run the same command again to retry them"
        )


def echo_lines(lines: Iterable[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        click.echo(line, err=True)


def run_and_close(work: Coroutine[Any, Any, None], *closing: Any) -> None:
    """Run the asking, then close judges and matchers, also when it stops early."""

    async def whole() -> None:
        try:
            await work
        finally:
            for each in closing:
                await each.aclose()

    asyncio.run(whole())
