"""Shared steps of jobs that send requests to models: judges, account, answer cache, and run folder."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rightly.auditing.points import Atomiser
from rightly.errors import EndpointError, InputError
from rightly.inference.account import Account
from rightly.inference.answer_cache import AnswerCache
from rightly.jobs.config import AskingConfig
from rightly.jobs.cost import asked_of_judges, estimate_lines, sample, spending_lines
from rightly.jobs.events import Events
from rightly.judges.base import Judge
from rightly.judges.collect import collect_judgments, current_judgments
from rightly.judges.specs import JudgeBuilder
from rightly.matchers.base import Matcher
from rightly.store.run_folder import RunFolder
from rightly.types import Judgment, PreferencePair


@contextmanager
def answer_cache(path: Path) -> Iterator[AnswerCache]:
    """Open the answer cache, and close it at the end."""
    cache = AnswerCache(path)
    try:
        yield cache
    finally:
        cache.close()


def build_judges(builder: JudgeBuilder, judges: Sequence[str | Judge]) -> list[Judge]:
    """Build the judges from specs; a caller's own judges are used unchanged.

    Raises:
        InputError: No judge is given, or one is given twice.
    """
    if not judges:
        raise InputError("no judge is given", fix="add --judge SPEC, for example --judge longer")
    known: dict[str, str] = {}
    for each in judges:
        identity = builder.identify(each) if isinstance(each, str) else each.identity
        if identity.fingerprint in known:
            same = known[identity.fingerprint]
            raise InputError(f"judge {identity.name!r} is given twice (as {same!r})", fix="remove one of them")
        known[identity.fingerprint] = identity.name
    return [builder.build(each) if isinstance(each, str) else each for each in judges]


async def ask_judges(
    config: AskingConfig,
    work: Sequence[tuple[str | Judge, Sequence[PreferencePair]]],
    folder: RunFolder,
    events: Events,
) -> list[list[Judgment]]:
    """The judgments of every judge about its own pairs; missing ones are made first."""
    account = config.account()
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), [spec for spec, _ in work])
        pairs = list({(pair.id, pair.content_key): pair for _, own in work for pair in own}.values())
        wanted = {
            (judge.identity.fingerprint, pair.id, pair.content_key)
            for judge, (_, own) in zip(judges, work, strict=True)
            for pair in own
        }

        def wants(judge: Judge, pair: PreferencePair) -> bool:
            return (judge.identity.fingerprint, pair.id, pair.content_key) in wanted

        with spending(account, folder, events):
            asked = [
                each._replace(share=len(own) / len(looked))
                for judge, (_, own) in zip(judges, work, strict=True)
                if (looked := sample(own))
                for each in asked_of_judges([judge], looked)
            ]
            say_all(events, estimate_lines(asked, 1, 1, account))
            with folder.records("judgments", Judgment) as records:
                with events.progress(account) as stage:
                    async with closing(judges):
                        await collect_judgments(pairs, judges, records, stage("judging", None), wants)
                said = current_judgments(records.latest(), pairs, [judge.identity for judge in judges])
    found: dict[str, list[Judgment]] = {judge.name: [] for judge in judges}
    for judgment in said:
        found[judgment.judge].append(judgment)
    require_answers(
        account, "judge", [(judgment.judge, judgment.failure) for own in found.values() for judgment in own]
    )
    return [found[judge.name] for judge in judges]


@contextmanager
def spending(account: Account, folder: RunFolder, events: Events) -> Iterator[None]:
    """Keep the book in the run folder; at the end, even after an error, report spending and failures."""
    with account.kept_in(folder.path):
        try:
            yield
        finally:
            say_all(events, [*failure_lines(account), *spending_lines(account.book)])


def failure_lines(account: Account) -> list[str]:
    """A line for each model with failed requests in this process, with instructions."""
    silent = all(one.silent for one in account.models.values())
    lines = [
        f"{one.failed:,} of {one.calls:,} requests to {role} {model} failed, the last one with: {one.last_error}; to retry "
        "them, run the same command again"
        for (role, model), one in sorted(account.models.items())
        if one.failed and not silent
    ]
    if account.overrun:
        lines.append(
            f"${account.overrun:,.4f} was billed above what max_tokens allows: the endpoint does not respect it, so a budget "
            "can be exceeded"
        )
    return lines


def require_answers(account: Account, role: str, ended: Iterable[tuple[str, str | None]]) -> None:
    """Check that some request of a role was answered.

    Args:
        account: Account with the requests of this process.
        role: Role of the models: ``judge``, ``atomiser`` or ``matcher``.
        ended: Name and failure kind (``None`` for an answer) of every record of the role in the run.

    Raises:
        EndpointError: This process got no answer in this role, and some name has no stored answer either.
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
            f"none of {n:,} {role} requests was answered: {last}; to retry them, run the same command again"
        )


def say_all(events: Events, lines: Iterable[str]) -> None:
    """Report every line."""
    for line in lines:
        events.say(line)


@asynccontextmanager
async def closing(made: Iterable[Judge | Matcher | Atomiser]) -> AsyncIterator[None]:
    """Close judges and matchers at the end, even if the run stops early."""
    try:
        yield
    finally:
        for each in made:
            await each.aclose()
