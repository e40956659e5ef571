"""One reward, every trainer's way of calling it: a few lines each.

A grader that failed is no sample. Trainers that know this are told so (TRL, ms-swift: ``None``). The others (verl, OpenRLHF,
slime) know numbers only. There an endpoint that is down is waited for, and one that stays down stops the run, which then
goes on from its checkpoint (OpenRLHF logs the error instead, and stops where such a sample is the first of its batch); a
list that cannot be matched stands at the mean reward of the answers with the same outcome so far, and counts as excluded.
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
