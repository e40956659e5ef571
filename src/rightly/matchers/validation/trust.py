"""Trust in a matcher: all checks together, measured once and stored."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from rightly.data.load import load_pairs
from rightly.data.samples import sample_path
from rightly.errors import InputError
from rightly.matchers.base import Matcher
from rightly.matchers.validation.human_links import MatcherReliability, check_matcher
from rightly.matchers.validation.probes import CHECKSUM, NEAR_MISSES, Category, ProbeCheck, check_probes
from rightly.matchers.validation.summhay import CoverageCase, load_summhay, summhay_bytes
from rightly.matchers.validation.voters import VoterCheck, check_voters
from rightly.types import Frozen, PreferencePair, content_key
from rightly.version import __version__

MOST_FAILED = 0.05
"""Largest share of failed matches; a check with more is not stored, since it does not describe the matcher."""

MOST_WRONG = 0.1
"""Largest accepted share of every kind of near miss for a training reward."""
LEAST_RIGHT: Mapping[Category, float] = {"paraphrase": 0.8, "identical": 0.95, "edit": 0.9}
"""Least accepted share of what makes the same point, by category, for a training reward."""


class Trust(Frozen):
    """All measurements of a matcher.

    Attributes:
        reliability: Agreement with human links on SummHay.
        voters: Result on voters' reasons (UKPConvArg1).
        probes: Result on written near misses.
    """

    reliability: MatcherReliability
    voters: VoterCheck
    probes: ProbeCheck

    @property
    def n_failed(self) -> int:
        """Number of failed matches over all checks."""
        return self.reliability.n_failed + self.voters.n_failed + self.probes.n_failed

    @property
    def n_matched(self) -> int:
        """Number of matches that did not fail."""
        return self.reliability.n_cases + self.voters.n_pairs + self.probes.n

    @property
    def unfit_for_reward(self) -> tuple[str, ...]:
        """Reasons why the matcher should not be a training reward; empty if it may be one.

        A policy exploits every error of a matcher. The matcher must reject statements that contradict a point, are about the
        other response, state another quantity or are more general, and still accept the point in other words.
        """
        many, few, found = [], [], []
        for kind in NEAR_MISSES:
            share = self.probes.accepted[kind].value
            if share is None or share > MOST_WRONG:
                many.append(f"{kind} {_percent(share)}")
        for kind, least in LEAST_RIGHT.items():
            share = self.probes.accepted[kind].value
            if share is None or share < least:
                few.append(f"{kind} {_percent(share)} (at least {least:.0%})")
        if many:
            found.append(f"it accepts too many near misses: {', '.join(many)} (at most {MOST_WRONG:.0%} of each)")
        if few:
            found.append(f"it accepts too few of the same points: {', '.join(few)}")
        return tuple(found)

    def lines(self) -> tuple[str, ...]:
        """The lines that every report with this matcher prints."""
        unfit = self.unfit_for_reward
        reward = f"Not fit as a training reward: {'; '.join(unfit)}." if unfit else "Fit as a training reward."
        return (*self.reliability.lines(), self.voters.line(), self.probes.line(), reward)


async def measure(matcher: Matcher, folder: Path | None, on_done: Callable[[object], None] = lambda _: None) -> Trust:
    """Run the checks that a report needs, close the matcher, and store the results; see `measured`."""
    async with aclosing(matcher):
        return await measured(matcher, folder, on_done)


async def measured(matcher: Matcher, folder: Path | None, on_done: Callable[[object], None] = lambda _: None) -> Trust:
    """Run the checks that a report needs, and store the results unless more than `MOST_FAILED` of the matches failed.

    Args:
        matcher: Who is checked; a language model is asked some 2,600 times. It is not closed.
        folder: Folder for the stored results; ``None`` stores nothing.
        on_done: Called after each match.
    """
    reliability, _ = await check_matcher(matcher, unseen_cases(matcher), on_done)
    voters = await check_voters(matcher, unseen_pairs(matcher), on_done)
    probes = await check_probes(matcher, on_done, half=None if matcher.held_out is None else "held")
    trust = Trust(reliability=reliability, voters=voters, probes=probes)
    if folder is None or trust.n_failed > MOST_FAILED * (trust.n_failed + trust.n_matched):
        return trust
    path = _path(matcher.fingerprint, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(trust.model_dump_json(), encoding="utf-8")
    return trust


def known(matcher: str, folder: Path) -> Trust | None:
    """The stored measurements of the matcher with this fingerprint, made with this version and these data."""
    try:
        return Trust.model_validate_json(_path(matcher, folder).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


async def trust_in(matcher: Matcher, folder: Path | None) -> Trust | None:
    """The stored measurements, or new ones if the matcher is free; ``None`` for a model that was never checked."""
    trust = None if folder is None else known(matcher.fingerprint, folder)
    return await measure(matcher, folder) if trust is None and matcher.free else trust


def unseen_cases(matcher: Matcher) -> list[CoverageCase]:
    """The SummHay cases that the matcher was not trained on.

    Raises:
        InputError: The matcher was trained on all of them.
    """
    held = matcher.held_out
    cases = [case for case in load_summhay() if held is None or f"summhay: {case.topic}" in held]
    if not cases:
        raise InputError(f"{matcher.name} was trained on all of SummHay", fix="remove a topic from data.topics")
    return cases


def unseen_pairs(matcher: Matcher) -> list[PreferencePair]:
    """The shipped voters' pairs of debates that the matcher was not trained on.

    Raises:
        InputError: The matcher was trained on all of them.
    """
    held = matcher.held_out
    pairs = [
        pair
        for pair in load_pairs("sample:ukpconvarg1")
        if held is None or f"votes: {(pair.domain or '').split('/', 1)[0]}" in held
    ]
    if not pairs:
        raise InputError(f"{matcher.name} was trained on all debates", fix="name some in data.held_debates")
    return pairs


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f}%"


def unmeasured(matcher: str) -> str:
    """The line that a report prints without measurements."""
    return f"The reliability of this matcher was not measured; run: rightly matcher-check --matcher {matcher}"


def _path(matcher: str, folder: Path) -> Path:
    checked_on = (summhay_bytes(), sample_path("ukpconvarg1").read_bytes())
    digests = [*(hashlib.sha256(data).hexdigest() for data in checked_on), CHECKSUM]
    return folder / "matchers" / f"{content_key([matcher, __version__, *digests])}.json"
