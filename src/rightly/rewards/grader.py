"""The reward of judgments: parse the answers, call the matcher only if it matters, once for equal lists, concurrently."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from rightly.errors import EndpointError
from rightly.judges.parsing import explicit_verdicts, parse_answer
from rightly.matchers.base import Match, Matcher
from rightly.rewards.rule import Graded, Read, Reference, RewardRule, Stance, outcome_of, read_answer, reward_of
from rightly.types import Rationale

REMEMBERED = 50_000
"""Number of matches kept in memory: lists recur within a group, and from epoch to epoch."""

_MAKING = threading.Lock()
_Lists = tuple[tuple[str, ...], tuple[str, ...]]


class JudgeAnswer(NamedTuple):
    """A judge's answer: its text, and its length in tokens if the reward has a token cost."""

    text: str
    tokens: int = 0


def marked_stance(rationale: Rationale) -> Stance:
    """The side that a reason is marked to favor, and its importance (default 1)."""
    return rationale.favors, 1.0 if rationale.importance is None else rationale.importance


class JudgmentReward:
    """Grades judgments against human ones; picklable, and usable from any thread and any event loop.

    All matching happens on one background event loop of the process, so that all callers share clients, caches and limits.
    If the grader fails (the endpoint is down, slow, or returns unreadable answers), the reward is ``None``.

    Args:
        rule: Rule that computes the reward.
        matcher: A matcher's spec (``openai:MODEL``, ``local:FOLDER``, ...), or a callable that makes one. The matcher is built
            in the process that grades, on first use.
        stance: Function that gives the side and the weight of a reason; by default `marked_stance`.
        timeout: Seconds that a match may take, retries included; after that the grader has failed.
        cache: File of the answer cache; ``None`` keeps no answers between runs.
    """

    def __init__(
        self,
        rule: RewardRule,
        matcher: str | Callable[[], Matcher],
        *,
        stance: Callable[[Rationale], Stance] = marked_stance,
        timeout: float = 300.0,
        cache: Path | None = None,
    ) -> None:
        self.rule, self.matcher, self.stance, self.timeout, self.cache = rule, matcher, stance, timeout, cache
        self._engine: _Engine | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Only the settings are pickled, not the threads and connections."""
        return self.__dict__ | {"_engine": None}

    async def grade(
        self, answers: Sequence[JudgeAnswer], references: Sequence[Reference], *, match_all: bool = False
    ) -> list[Graded]:
        """Grade the answers: one result per answer, in order.

        Args:
            answers: The judge's answers.
            references: Human judgments of the same pairs, in the order in which the judge saw them.
            match_all: Whether to match even if the reward does not need it, to measure consistency of all answers.
        """
        return await asyncio.wrap_future(self._submit(answers, references, match_all))

    def grade_now(
        self, answers: Sequence[JudgeAnswer], references: Sequence[Reference], *, match_all: bool = False
    ) -> list[Graded]:
        """Run `grade` for callers without an event loop."""
        return self._submit(answers, references, match_all).result()

    def close(self) -> None:
        """Close the matcher's connections; a later call opens them again."""
        with _MAKING:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def read(self, answer: JudgeAnswer) -> Read:
        """Parse an answer, before any matching."""
        parsed = parse_answer(answer.text)
        stances = [self.stance(rationale) for rationale in parsed.rationales]
        return read_answer(parsed, stances, explicit_verdicts(answer.text), self.rule)

    def _submit(
        self, answers: Sequence[JudgeAnswer], references: Sequence[Reference], match_all: bool
    ) -> "Future[list[Graded]]":
        if len(answers) != len(references):
            raise ValueError(f"{len(answers)} answers, but {len(references)} references")
        with _MAKING:
            engine = self._engine = self._engine or _Engine(self.matcher, self.timeout, self.cache)

        async def whole() -> list[Graded]:
            work = (self._grade(*each, match_all, engine) for each in zip(answers, references, strict=True))
            return await asyncio.gather(*work)

        return asyncio.run_coroutine_threadsafe(whole(), engine.loop)

    async def _grade(self, answer: JudgeAnswer, reference: Reference, match_all: bool, engine: "_Engine") -> Graded:
        read = self.read(answer)
        outcome = outcome_of(read, reference)
        wanted = match_all or self.rule.needs_match(outcome)
        links = None
        if wanted and read.fault is None and reference.points:
            match = await engine.match(reference.points, read.reasons)
            if match.failure is None:
                links = match.links
            elif self.rule.needs_match(outcome):
                why = match.detail or match.failure
                return Graded(None, outcome, read, detail=why, transient=match.failure == "provider")
        elif wanted and read.fault is None and self.rule.needs_match(outcome):
            return Graded(None, outcome, read, detail="there are no human points to match")
        return reward_of(self.rule, read, reference, links, answer.tokens)


class _Engine:
    """A matcher on its own event loop, its pending matches and its finished ones."""

    def __init__(self, matcher: str | Callable[[], Matcher], timeout: float, cache: Path | None) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="rightly-rewards", daemon=True)
        self._thread.start()
        self._source, self._timeout, self._cache = matcher, timeout, cache
        self._matcher: tuple[Matcher, asyncio.Semaphore] | None = None
        self._asked: dict[_Lists, asyncio.Task[Match]] = {}

    def close(self) -> None:
        """Release the matcher and stop the loop."""
        if self._matcher is not None:
            asyncio.run_coroutine_threadsafe(self._matcher[0].aclose(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Match two lists; equal lists are matched once, and a failed match is retried when the lists recur."""
        key = (tuple(reference), tuple(candidate))
        task = self._asked.get(key)
        if task is None or (task.done() and (task.exception() is not None or task.result().failure is not None)):
            task = self._asked[key] = self.loop.create_task(self._match(*key))
            if len(self._asked) > REMEMBERED:
                self._forget()
        return await task

    async def _match(self, reference: tuple[str, ...], candidate: tuple[str, ...]) -> Match:
        matcher, places = self._ready()
        async with places:
            try:
                return await asyncio.wait_for(matcher.match(reference, candidate), self._timeout)
            except TimeoutError:
                return Match(failure="provider", detail=f"no answer within {self._timeout:g} s")
            except EndpointError as error:
                return Match(failure="provider", detail=str(error))

    def _ready(self) -> tuple[Matcher, asyncio.Semaphore]:
        if self._matcher is None:
            made = build_matcher(self._source, self._cache) if isinstance(self._source, str) else self._source()
            self._matcher = made, asyncio.Semaphore(made.concurrency)
        return self._matcher

    def _forget(self) -> None:
        for key in [key for key, task in self._asked.items() if task.done()][: REMEMBERED // 2]:
            del self._asked[key]


def build_matcher(spec: str, cache: Path | None) -> Matcher:
    """The matcher that a spec names, with its answers stored in ``cache``."""
    from rightly.inference.account import Account
    from rightly.inference.answer_cache import AnswerCache
    from rightly.matchers.specs import MatcherBuilder

    return MatcherBuilder(AnswerCache(cache) if cache else None, Account()).matcher(spec)
