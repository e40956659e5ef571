"""Rightly: reward models and judges that are right for the right reasons.

>>> import rightly
>>> rightly.load_pairs("sample:ukpconvarg1", limit=1)[0].label
'B'
"""

import importlib
from typing import TYPE_CHECKING, Any

from rightly.version import __version__

if TYPE_CHECKING:
    from rightly.api.measuring import (
        aaudit,
        abench,
        ajudge,
        audit,
        bench,
        compare,
        iter_pairs,
        judge,
        load_pairs,
        measure_strength,
        repair,
        score,
    )
    from rightly.api.results import Audit, Bench, Strength
    from rightly.api.training import serve, train_judge, train_reward_model
    from rightly.reward_models.model import RewardModel
    from rightly.rewards.grader import JudgmentReward
    from rightly.rewards.rule import RewardRule
    from rightly.serving.client import RewardClient, ServedReward
    from rightly.types import Judgment, Message, PreferencePair, Rationale

_PLACES = {
    "rightly.api.results": ("Audit", "Bench", "Strength"),
    "rightly.api.training": ("serve", "train_judge", "train_reward_model"),
    "rightly.reward_models.model": ("RewardModel",),
    "rightly.rewards.grader": ("JudgmentReward",),
    "rightly.rewards.rule": ("RewardRule",),
    "rightly.serving.client": ("RewardClient", "ServedReward"),
    "rightly.types": ("Judgment", "Message", "PreferencePair", "Rationale"),
}
_HOME = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Audit",
    "Bench",
    "Judgment",
    "JudgmentReward",
    "Message",
    "PreferencePair",
    "Rationale",
    "RewardClient",
    "RewardModel",
    "RewardRule",
    "ServedReward",
    "Strength",
    "__version__",
    "aaudit",
    "abench",
    "ajudge",
    "audit",
    "bench",
    "compare",
    "iter_pairs",
    "judge",
    "load_pairs",
    "measure_strength",
    "repair",
    "score",
    "serve",
    "train_judge",
    "train_reward_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use: ``import rightly`` itself loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'rightly' has no attribute {name!r}")
    from rightly.errors import needs_extra

    with needs_extra(f"rightly.{name}", "train"):
        found = getattr(importlib.import_module(_HOME.get(name, "rightly.api.measuring")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
