"""A pairwise judge as the reward of a group: GRPO and RLOO need one number per response, a judge compares two."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from rightly.judges.base import Judge
from rightly.rewards.integrations.rows import completion_text
from rightly.rewards.tournament import Scheme, Standings, play
from rightly.types import Message, Order, PreferencePair, content_key

_WORTH = {"A": 1.0, "B": 0.0, "tie": 0.5}


class GroupReward:
    """A reward function of TRL's ``GRPOTrainer`` and ``RLOOTrainer`` from verdicts on pairs.

    Responses to one prompt play a tournament (`rightly.rewards.tournament`); a response's reward is its mean result, in
    [0, 1]. Equal responses count as one player and are not compared. A response that could not be judged gets ``None`` and is
    excluded. A group must be complete in a process's batch: trainers split groups across processes if it does not divide.

    Args:
        judge: Function that makes the judge, in the process and on the event loop that ask it.
        scheme: Tournament scheme: which responses are compared.
        rounds: Number of rounds of ``swiss``.
        anchor: Column of the data set with the response that all others are compared with, for ``anchor``.
        both_orders: Whether to compare every pair in both orders.
    """

    def __init__(
        self,
        judge: Callable[[], Judge],
        scheme: Scheme = "round-robin",
        *,
        rounds: int | None = None,
        anchor: str = "reference",
        both_orders: bool = True,
    ) -> None:
        self._make, self._rounds = judge, rounds
        self._scheme: Scheme = scheme
        self._anchor, self._orders = anchor, ("AB", "BA") if both_orders else ("AB",)
        self._judge: Judge | None = None
        self.__name__ = f"{scheme}_reward"

    def __getstate__(self) -> dict[str, Any]:
        """The judge is not pickled, because it holds connections."""
        return self.__dict__ | {"_judge": None}

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward per completion; groups are consecutive."""
        texts = [completion_text(each) for each in completions]
        anchors = columns.get(self._anchor) if self._scheme == "anchor" else None
        if self._scheme == "anchor" and anchors is None:
            raise ValueError(f"the data set has no column {self._anchor!r} with the response to compare with")
        spans = [list(rows) for _, rows in groupby(range(len(texts)), lambda row: content_key([str(prompts[row])]))]
        groups = await asyncio.gather(
            *(
                self._play(_context(prompts[rows[0]]), [texts[row] for row in rows], anchors and anchors[rows[0]])
                for rows in spans
            )
        )
        if log_metric is not None:
            games = [game for standings, _ in groups for game in standings.games]
            log_metric("comparisons", float(len(games)))
            if games:
                log_metric("failed_comparisons", sum(game.result is None for game in games) / len(games))
        return [score for _, scores in groups for score in scores]

    async def _play(
        self, context: tuple[Message, ...], texts: Sequence[str], anchor: str | None
    ) -> tuple[Standings, list[float | None]]:
        players = list(dict.fromkeys(texts))
        if anchor is not None:
            players = [text for text in players if text != anchor] + [anchor]
        if len(players) == 1:
            return Standings([0.5], []), [0.5] * len(texts)

        async def compare(first: int, second: int) -> float | None:
            return await self._compare(context, players[first], players[second])

        seed = content_key([*(message.content for message in context), *players])
        standings = await play(self._scheme, len(players), compare, rounds=self._rounds, seed=seed)
        if anchor is not None:
            standings.scores[-1] = 0.5  # a response equal to the anchor ties with it
        scores = dict(zip(players, standings.scores, strict=True))
        return standings, [scores[text] for text in texts]

    async def _compare(self, context: tuple[Message, ...], first: str, second: str) -> float | None:
        judge = self._judge = self._judge or self._make()
        name = content_key([*(message.content for message in context), first, second])
        pair = PreferencePair(id=name, context=context, responses=(first, second))
        judgments = await asyncio.gather(*(judge.judge(pair, order) for order in self._asked(judge, pair)))
        results = [_WORTH[judgment.verdict] for judgment in judgments if judgment.verdict is not None]
        return sum(results) / len(results) if results else None

    def _asked(self, judge: Judge, pair: PreferencePair) -> Sequence[Order]:
        """The judge's orders, limited to one unless both are requested."""
        wanted = judge.orders(pair)
        return [order for order in self._orders if order in wanted] or wanted[:1]


def _context(prompt: Any) -> tuple[Message, ...]:
    """The context from a trainer's prompt: a text, or messages."""
    if isinstance(prompt, str):
        return (Message(role="user", content=prompt),)
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in prompt)
