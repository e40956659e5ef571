"""Measure matchers on people's links and reasons and on written probes, with stored language models for comparison."""

from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rightly.inference.account import Account
from rightly.inference.run_now import in_one_go
from rightly.jobs.asking import answer_cache, failure_lines, require_answers, say_all
from rightly.jobs.config import AnyMatcher, Config, Flag, default_cache
from rightly.jobs.events import SILENT, Events
from rightly.matchers.base import Matcher
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.trained import LocalMatcher
from rightly.matchers.validation.atoms import metacritique_cases
from rightly.matchers.validation.human_links import MatcherReliability, reliability
from rightly.matchers.validation.summhay import load_summhay
from rightly.matchers.validation.trust import Trust, measured
from rightly.matchers.validation.wide import WideChecks, check_widely
from rightly.types import Frozen


class MatcherCheckConfig(Config):
    """Configuration of a matcher check."""

    matchers: Annotated[tuple[AnyMatcher, ...], Flag("--matcher", metavar="SPEC")]
    """Matcher: a model (openai:MODEL, ...), local:minilm, local:FOLDER, embedding, lexical; repeat for several."""
    reports_only: bool = False
    """Run only the checks that every report prints (SummHay, voters, probes): about 2,600 requests instead of 4,700."""
    metacritique: Annotated[Path | None, Flag(metavar="FILE")] = None
    """MetaCritique's data/annotation_data.json as published: 300 critiques with labelled points are checked, too."""
    cache: Annotated[Path, Flag(metavar="FILE")] = Field(default_factory=default_cache)
    """Cache of answers and results. Default: $RIGHTLY_CACHE or ~/.cache/rightly/answers.db."""


class CheckedMatchers(Frozen):
    """Measurements of matchers.

    Attributes:
        matchers: Checks that every report with the matcher prints.
        wide: Wider checks of the same matchers; empty if they were not asked for.
        stored: Measurements of six language models whose answers are part of SummHay, for comparison.
    """

    matchers: tuple[Trust, ...]
    wide: tuple[WideChecks, ...]
    stored: tuple[MatcherReliability, ...]


async def arun(config: MatcherCheckConfig, events: Events = SILENT) -> CheckedMatchers:
    """Measure matchers and store the results that every report with such a matcher prints.

    Raises:
        InputError: A spec names no matcher, or a file is not the published one.
        EndpointError: No request of a matcher was answered.
    """
    # Read before the first request is paid for.
    critiques = [] if config.metacritique is None else list(metacritique_cases(config.metacritique))
    account = Account()
    trusts: list[Trust] = []
    wide: list[WideChecks] = []
    with answer_cache(config.cache) as answers, events.progress(account) as stage:
        builder = MatcherBuilder(cache=answers, account=account)
        matchers = [builder.matcher(each) if isinstance(each, str) else each for each in config.matchers]
        for matcher in matchers:
            on_done = stage(matcher.name[:13], None)
            async with aclosing(matcher):
                trusts.append(await measured(matcher, config.cache.parent, on_done))
                if not config.reports_only and trusts[-1].n_matched:
                    trained_on = _sources(matcher)
                    wide.append(await check_widely(matcher, on_done, trained_on=trained_on, metacritique=critiques))
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
    return CheckedMatchers(matchers=tuple(trusts), wide=tuple(wide), stored=tuple(stored))


def _sources(matcher: Matcher) -> set[str]:
    """Names of the data sets that a trained matcher learned from."""
    return {source.partition(":")[0] for source in matcher.card.sources} if isinstance(matcher, LocalMatcher) else set()


run = in_one_go(arun)
