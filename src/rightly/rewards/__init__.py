"""Rewards that train a generative reward model: is the verdict right, and are the reasons?"""

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.rule import Graded, Reference, RewardRule

__all__ = ["Graded", "JudgmentReward", "Reference", "RewardRule"]
