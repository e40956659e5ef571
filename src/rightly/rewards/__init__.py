"""Rewards for training a generative reward model, from the correctness of its verdict and its reasons."""

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.rule import Graded, Reference, RewardRule

__all__ = ["Graded", "JudgmentReward", "Reference", "RewardRule"]
