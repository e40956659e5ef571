"""Adapters of one reward to each trainer's interface.

A sample whose grader failed should be excluded. TRL and ms-swift support this: the reward is ``None``. verl, OpenRLHF and
slime cannot represent a missing reward. If the endpoint is down, the adapter retries and finally raises, and the run can
resume from its checkpoint. (OpenRLHF logs the error instead, and stops if such a sample is the first of its batch.) If a
list cannot be matched, the sample gets the mean reward so far of answers with the same outcome, and counts as excluded.
"""

from rightly.rewards.integrations.openrlhf import openrlhf_function
from rightly.rewards.integrations.rows import reward_columns
from rightly.rewards.integrations.slime import slime_function
from rightly.rewards.integrations.swift import SwiftReward
from rightly.rewards.integrations.trl import TrlReward
from rightly.rewards.integrations.verl import verl_function, verl_function_sync

__all__ = [
    "SwiftReward",
    "TrlReward",
    "openrlhf_function",
    "reward_columns",
    "slime_function",
    "verl_function",
    "verl_function_sync",
]
