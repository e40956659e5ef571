"""Measure matchers against human links, with stored language models for comparison."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from rightly.inference.account import Account
from rightly.inference.run_now import in_one_go
from rightly.jobs.asking import answer_cache, failure_lines, require_answers, say_all
from rightly.jobs.config import AnyMatcher, Config, Flag, default_cache
from rightly.jobs.events import SILENT, Events
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.validation.human_links import MatcherReliability, reliability
from rightly.matchers.validation.summhay import load_summhay
from rightly.matchers.validation.trust import Trust, measure
from rightly.types import Frozen


class MatcherCheckConfig(Config):
    """Configuration of a matcher check."""

    matchers: Annotated[tuple[AnyMatcher, ...], Flag("--matcher", metavar="SPEC")]
    """Matcher: a model (openai:MODEL, ...), local:FOLDER, embedding, lexical; repeat for several."""
    cache: Annotated[Path, Flag(metavar="FILE")] = Field(default_factory=default_cache)
    """Cache of answers and results. Default: $RIGHTLY_CACHE or ~/.cache/rightly/answers.db."""


class CheckedMatchers(Frozen):
    """Measurements of matchers.

    Attributes:
        matchers: Measurements of the checked matchers.
        stored: Measurements of six language models whose answers are part of the data set, for comparison.
    """

    matchers: tuple[Trust, ...]
    stored: tuple[MatcherReliability, ...]


async def arun(config: MatcherCheckConfig, events: Events = SILENT) -> CheckedMatchers:
    """Measure matchers and store the results, which every report with such a matcher prints.

    Raises:
        InputError: A spec names no matcher.
        EndpointError: No request of a matcher was answered.
    """
    account = Account()
    with answer_cache(config.cache) as answers, events.progress(account) as stage:
        builder = MatcherBuilder(cache=answers, account=account)
        matchers = [builder.matcher(each) if isinstance(each, str) else each for each in config.matchers]
        trusts = [await measure(matcher, config.cache.parent, stage(matcher.name[:13], None)) for matcher in matchers]
    say_all(events, failure_lines(account))
    answered = zip(matchers, trusts, strict=True)
    require_answers(
        account, "matcher", [(matcher.name, None if trust.n_matched else "provider") for matcher, trust in answered]
    )
    cases = load_summhay()
    stored = [
        reliability(f"{name} (stored)", cases, {case.id: case.stored[name] for case in cases})
        for name in cases[0].stored
    ]
    return CheckedMatchers(matchers=tuple(trusts), stored=tuple(stored))


run = in_one_go(arun)
