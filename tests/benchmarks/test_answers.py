import math

import pytest

from rightly.benchmarks.answers import RIGHT, WRONG, comparisons, from_judgments, from_scores
from rightly.benchmarks.baselines import baseline_answers
from rightly.types import Judgment
from tests.benchmarks.material import item


def judged(pair, order, verdict, failure=None):
    return Judgment(
        pair_id=pair.id,
        pair_key=pair.content_key,
        judge="j",
        made_by="j",
        order=order,
        verdict=verdict,
        failure=failure,
    )


def test_scores_become_outcomes_of_the_label():
    items = [item(0), item(1, label="B"), item(2), item(3)]
    scores = {"d/0": [2.0, 1.0], "d/1": [2.0, 1.0], "d/2": [1.0, 1.0], "d/3": [math.nan, 1.0]}
    answers = from_scores(items, "m", scores)
    assert [answer.outcomes for answer in answers] == [((1,),), ((-1,),), ((0,),), ((None,),)]
    assert answers[3].failures == {"missing": 1}
    assert answers[0].longer == (1,)
    assert answers[1].longer == (-1,)


def test_every_right_response_meets_every_wrong_one():
    one = item(0, responses=("a", "bb", "ccc", "dddd"), ranks=(RIGHT, WRONG, RIGHT, WRONG))
    pairs = comparisons(one)
    assert [pair.responses for pair in pairs] == [("a", "bb"), ("a", "dddd"), ("ccc", "bb"), ("ccc", "dddd")]
    assert len({pair.id for pair in pairs}) == 4
    assert {pair.label for pair in pairs} == {"A"}
    assert from_scores([one], "m", {one.id: [4, 3, 2, 1]})[0].outcomes == ((1,), (1,), (-1,), (1,))


def test_a_pair_of_two_stays_as_it_is_stored():
    one = item(0, label="B")
    assert comparisons(one) == [one]


def test_judgments_of_both_orders():
    items = [item(0), item(1, label="B"), item(2)]
    said = [
        judged(items[0], "AB", "A"), judged(items[0], "BA", "B"),
        judged(items[1], "AB", "tie"), judged(items[1], "BA", None, "unparsed"),
        judged(items[2], "AB", "A"),
    ]  # fmt: skip
    answers = from_judgments(items, "j", said)
    assert [answer.outcomes[0] for answer in answers] == [(1, -1), (0, None), (1, None)]
    assert [answer.failures for answer in answers] == [{}, {"unparsed": 1}, {"missing": 1}]


def test_a_judge_of_one_drawn_order_has_one_outcome_each():
    items = [item(0), item(1)]
    answers = from_judgments(items, "j", [judged(items[0], "AB", "A"), judged(items[1], "BA", "B")])
    assert [answer.outcomes[0] for answer in answers] == [(1,), (-1,)]


def test_an_edited_item_is_not_answered_by_old_judgments():
    old, new = item(0), item(0, responses=("edited", "short"))
    assert from_judgments([new], "j", [judged(old, "AB", "A")])[0].outcomes == ((None,),)


@pytest.mark.parametrize(
    ("rule", "outcomes"), [("longer", [(1,), (-1,)]), ("shorter", [(-1,), (1,)]), ("first", [(1, -1), (-1, 1)])]
)
def test_rules(rule, outcomes):
    found = {answers[0].model: answers for answers in baseline_answers([item(0), item(1, label="B")])}
    assert [answer.outcomes[0] for answer in found[rule]] == outcomes
