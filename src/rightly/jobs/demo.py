"""The demo: judges that outcome accuracy cannot tell apart, on people's own words; then a hard example, and the matchers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rightly.auditing.result import Item
from rightly.auditing.told_apart import HardExample, Shown, TaskCheck, check_task, pair_to_show, wording
from rightly.data.load import load_pairs
from rightly.inference.account import Account
from rightly.inference.run_now import in_one_go
from rightly.jobs import audit
from rightly.jobs.config import AnyMatcher, Config, Flag, default_cache
from rightly.jobs.demo_judges import CANNED, MADE, MISLED, PERSON, same_verdicts
from rightly.jobs.events import SILENT, Events
from rightly.matchers.base import GradesAll, Link, Matcher
from rightly.matchers.embedding import EmbeddingMatcher
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.trained import LocalMatcher
from rightly.matchers.validation.human_links import match_cases
from rightly.matchers.validation.summhay import CoverageCase, load_summhay
from rightly.matchers.validation.trust import known

EASY, HARD = "sample:comve", "sample:ukpconvarg1"
"""Pairs of the first example and of the second, hard one."""


class DemoConfig(Config):
    """Configuration of the demo."""

    out: Annotated[Path, Flag(metavar="DIR")] = Path("demo-report")
    """Run folder; created if missing."""
    matcher: Annotated[AnyMatcher, Flag(metavar="SPEC")] = "local:minilm"
    """Matcher of the reasons: local:minilm, embedding, lexical, or any other that rightly audit takes."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Use only the first N pairs of each example."""
    seed: int = 0
    """Seed for the choice of held-out people and of the wrong reasons."""


@dataclass(frozen=True)
class Demo:
    """Result of the demo.

    Attributes:
        first: Audit of the three judges with the same verdicts (ComVE).
        made: How each of them comes to its reason, by name.
        check: The matcher's reliability on this very task.
        shown: The pair on the first screen.
        second: Audit of a held-out annotator, "longer wins" and "first wins" (UKPConvArg1).
        second_item: The first pair of it.
        why: What explains the figures of the second audit.
        cases: The 200 summaries whose matching points people labelled.
        matched: Links of the offline matchers on these cases, by matcher, then by case.
    """

    first: audit.Audit
    made: Mapping[str, str]
    check: TaskCheck
    shown: Shown
    second: audit.Audit
    second_item: Item
    why: HardExample
    cases: Sequence[CoverageCase]
    matched: dict[str, dict[str, tuple[Link, ...]]]


async def arun(config: DemoConfig, events: Events = SILENT) -> Demo:
    """Audit the three judges, then the second example, then match the labelled summaries."""
    matcher = config.matcher
    if isinstance(matcher, str):
        matcher = MatcherBuilder(cache=None, account=Account()).matcher(matcher)
    easy, hard = (list(load_pairs(source, limit=config.limit)) for source in (EASY, HARD))
    common = {"matcher": matcher, "limit": config.limit, "seed": config.seed}
    first = audit.AuditConfig(pairs=EASY, judges=same_verdicts(easy, config.seed), out=config.out, **common)
    second = audit.AuditConfig(
        pairs=HARD, judges=("annotator", "longer", "first"), out=config.out / "second-example", **common
    )
    found, other = await audit.arun(first, events), await audit.arun(second, events)
    names = (PERSON, MISLED, CANNED)
    scored = await _with_all_scores(matcher, found.items)
    check = check_task(matcher.name, matcher.operating_point, scored, right=PERSON, wrong=MISLED, judges=names)
    check = check.model_copy(update={"trained_on": _rows_of("comve", matcher)})
    place = {pair.id: number for number, pair in enumerate(easy)}
    trust = known(matcher.fingerprint, default_cache().parent)
    cases = load_summhay()
    return Demo(
        first=found,
        made=MADE,
        check=check,
        shown=pair_to_show(sorted(found.items, key=lambda item: place[item.pair_id]), check),
        second=other,
        second_item=next(item for item in other.items if item.pair_id == hard[0].id),
        why=HardExample(
            hard=wording(hard, other.items),
            easy=wording(easy, found.items),
            voters=None if trust is None else trust.voters,
        ),
        cases=cases,
        matched=await _links(cases, events),
    )


run = in_one_go(arun)


def _rows_of(corpus: str, matcher: Matcher) -> int:
    """Number of training rows of a trained matcher that come from a corpus."""
    sources = matcher.card.sources if isinstance(matcher, LocalMatcher) else {}
    return sum(number for source, number in sources.items() if source.startswith(f"{corpus}:"))


async def _with_all_scores(matcher: Matcher, items: Sequence[Item]) -> list[Item]:
    """The items with the scores below the operating point, too, where a matcher links none of them."""
    if not isinstance(matcher, GradesAll):
        return list(items)
    found = []
    for item in items:
        judgments = [
            each.model_copy(update={"links": (await matcher.graded(item.points, each.reasons)).links})
            if each.metrics
            else each
            for each in item.judgments
        ]
        found.append(item.model_copy(update={"judgments": tuple(judgments)}))
    return found


async def _links(cases: Sequence[CoverageCase], events: Events) -> dict[str, dict[str, tuple[Link, ...]]]:
    """Links of the simple matchers, by matcher."""
    found = {}
    with events.progress(Account()) as stage:
        for each in (LexicalMatcher(), EmbeddingMatcher()):
            found[each.name], _ = await match_cases(each, cases, stage(each.name[:13], len(cases)))
    return found
