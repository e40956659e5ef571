"""The demo: an audit of shipped real data, and the effect of the matcher on its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rightly.inference.account import Account
from rightly.inference.run_now import in_one_go
from rightly.jobs import audit
from rightly.jobs.config import Config, Flag
from rightly.jobs.events import SILENT, Events
from rightly.matchers.base import Link
from rightly.matchers.embedding import EmbeddingMatcher
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.human_links import match_cases
from rightly.matchers.validation.summhay import CoverageCase, load_summhay


class DemoConfig(Config):
    """Configuration of the demo."""

    out: Annotated[Path, Flag(metavar="DIR")] = Path("demo-report")
    """Run folder; created if missing."""
    seed: int = 0
    """Seed for the choice of held-out annotators."""


@dataclass(frozen=True)
class Demo:
    """Result of the demo.

    Attributes:
        audit: Audit of a held-out annotator, "longer wins" and "first wins".
        cases: The 200 summaries whose matching points people labelled.
        matched: Links of the offline matchers on these cases, by matcher, then by case.
    """

    audit: audit.Audit
    cases: Sequence[CoverageCase]
    matched: dict[str, dict[str, tuple[Link, ...]]]


async def arun(config: DemoConfig, events: Events = SILENT) -> Demo:
    """Match the labelled summaries, then audit the shipped arguments."""
    cases = load_summhay()
    matched = {}
    with events.progress(Account()) as stage:
        for matcher in (LexicalMatcher(), EmbeddingMatcher()):
            matched[matcher.name], _ = await match_cases(matcher, cases, stage(matcher.name[:13], len(cases)))
    audited = audit.AuditConfig(
        pairs="sample:ukpconvarg1",
        judges=("annotator", "longer", "first"),
        matcher="embedding",
        out=config.out,
        seed=config.seed,
    )
    return Demo(await audit.arun(audited, events), cases, matched)


run = in_one_go(arun)
