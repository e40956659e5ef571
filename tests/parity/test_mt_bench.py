"""Table 5 and 6 of "Judging LLM-as-a-Judge" (Zheng et al., 2023): agreement of GPT-4 (pairwise) with experts, by turn.

Setup 1 counts all votes, a tie (or an inconsistent verdict) being a verdict of its own; setup 2 those without ties.
"""

import pytest

from rightly.metrics.accuracy import order_values
from tests.parity.stored import rows

CHOICES = {"A": "A", "B": "B", "T": "tie"}
VOTES = {row["turn"]: (row["expert"], row["gpt4"]) for row in rows("mt_bench_votes.jsonl.gz")}


@pytest.mark.parametrize(("turn", "first", "second"), [(1, (66, 1343), (85, 859)), (2, (66, 1325), (85, 864))])
def test_published_agreement(turn, first, second):
    expert, gpt4 = VOTES[turn]
    sided = [(one, two) for one, two in zip(expert, gpt4, strict=True) if "T" not in (one, two)]
    for (one, two), (percent, count) in (((expert, gpt4), first), (zip(*sided, strict=True), second)):
        values = order_values([CHOICES[each] for each in one], [CHOICES[each] for each in two], failures="wrong")
        assert (round(100 * values.mean()), len(values)) == (percent, count)
