"""Read the rows that trainers pass: columns of a data set, references, completions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.rule import Reference
from rightly.types import PreferencePair


def reward_columns(pair: PreferencePair) -> dict[str, Any]:
    """The columns that a data set needs in addition to its prompts, for TRL and ms-swift."""
    reference = Reference.of(pair)
    return {"label": reference.label, "points": list(reference.points), "weights": list(reference.weights)}


def completion_text(completion: Any) -> str:
    """The text of a trainer's completion, which is a string or a list of messages."""
    return completion if isinstance(completion, str) else "".join(str(message["content"]) for message in completion)


def read_reference(value: Any) -> Reference:
    """Read a reference that a trainer passes as JSON or as a mapping."""
    if isinstance(value, str):
        value = json.loads(value)
    return Reference.model_validate(dict(value) if isinstance(value, Mapping) else value)


def references(
    label: Sequence[str], points: Sequence[Sequence[str]], weights: Sequence[Sequence[float]] | None
) -> list[Reference]:
    """The references of a batch, from the columns of `reward_columns`."""
    given = weights if weights is not None else [()] * len(label)
    rows = zip(label, points, given, strict=True)
    return [Reference(label=one, points=tuple(said), weights=tuple(counts)) for one, said, counts in rows]


def without_token_cost(reward: JudgmentReward, trainer: str) -> JudgmentReward:
    """The reward, if it can be computed from text alone.

    Raises:
        ValueError: The reward has a token cost, but the trainer does not pass tokens.
    """
    if reward.rule.token_cost:
        raise ValueError(f"{trainer} passes text, not tokens: a reward with a token cost cannot be computed")
    return reward
