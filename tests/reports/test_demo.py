"""The demo's sentences claim what was tested, and the drawing names each point."""

import pytest

from rightly.auditing.told_apart import HardExample, TaskCheck, Wording, check_task, pair_to_show
from rightly.matchers.base import Link
from rightly.reports.demo import explanation, point, reliability
from rightly.reports.scatter import Box, hang_labels
from tests.reports.factory import estimate, item, judge, paired_test, result

NAMES = ("right", "wrong", "canned")
CHECK = TaskCheck(
    matcher="m", operating_point=0.75, right="right", wrong="wrong", above=estimate(0.7), accepted={
        "right": estimate(0.5), "wrong": estimate(0.1), "canned": estimate(0.0)
    },
)  # fmt: skip
WORDS = Wording(words=8, unnamed=0.2, against=0.1, points=4.0, most=0.25)


def audit(*, p=0.001, gap=0.1, accuracies=(1.0, 1.0, 1.0), **changes):
    judges = [judge(name, acc, cons) for name, acc, cons in zip(NAMES, accuracies, (0.31, 0.21, 0.01), strict=True)]
    test = paired_test("right", "wrong", p_consistency=p, consistency_difference=estimate(gap))
    return result(*judges, tests=(test,), **changes)


def test_the_point_states_all_three_figures():
    assert point(audit(), CHECK) == (
        "Right on all 100 pairs, three judges look alike to outcome accuracy; rationale consistency tells them apart: 0.310 "
        "for another person's right reason, 0.210 for one that a person wrote to be wrong, 0.010 for a canned one."
    )


@pytest.mark.parametrize("changes", [{"p": 0.2}, {"p": None}, {"gap": -0.1}])
def test_the_point_claims_no_difference_without_a_significant_test(changes):
    said = point(audit(**changes), CHECK)
    assert "tells them apart" not in said
    assert "does not tell right from wrong reasons here: 0.310" in said


def test_judges_with_other_verdicts_make_no_point():
    with pytest.raises(ValueError, match="equal verdicts"):
        point(audit(accuracies=(1.0, 0.9, 1.0)), CHECK)


def test_reliability_says_what_the_matcher_cannot_do():
    why = HardExample(hard=WORDS, easy=WORDS, voters=None)
    assert len(reliability(audit(), CHECK, why)) == 3
    assert "smoke tests only" in reliability(audit(matcher_smoke_only=True), CHECK, why)[-1]
    assert "does not carry a ranking" in reliability(audit(carries_ranking=False), CHECK, why)[-1]
    trained = CHECK.model_copy(update={"trained_on": 1234})
    assert "trained on 1,234 rows of ComVE's training set" in reliability(audit(), trained, why)[-1]


def test_the_explanation_starts_with_how_to_read_the_person():
    person = judge("annotator", consistency=0.033, person=True, spurious=estimate(1.0))
    lines = explanation(result(judge("longer"), person), HardExample(hard=WORDS, easy=WORDS, voters=None))
    assert "annotator: consistency 0.033, spurious 1.000) as a fault of the person" in lines[0]
    assert "at most 0.250" in lines[1]


def linked(pair_id, **scores):
    made = item(pair_id).judgments[0]
    judgments = [
        made.model_copy(
            update={"judge": name, "links": (Link(reference=0, candidate=0, score=score),) if score else ()}
        )
        for name, score in scores.items()
    ]
    return item(pair_id, judgments=tuple(judgments), context="")


def test_the_check_counts_ties_half_and_leaves_failed_matches_out():
    pairs = [linked("a", right=0.9, wrong=0.2), linked("b", right=0.0, wrong=0.0), linked("c", right=0.3, wrong=0.8)]
    failed = linked("d", right=0.9, wrong=0.1)
    failed = failed.model_copy(
        update={"judgments": tuple(each.model_copy(update={"metrics": {}}) for each in failed.judgments)}
    )
    found = check_task("m", 0.8, [*pairs, failed], "right", "wrong", ("right", "wrong"))
    assert (found.above.value, found.above.n) == (0.5, 3)
    assert found.accepted["right"].value == pytest.approx(1 / 3)
    assert found.accepted["wrong"].value == pytest.approx(1 / 3)


def test_the_shown_pair_is_the_first_with_only_the_right_reason_accepted():
    pairs = [
        linked("a", right=0.9, wrong=0.9),
        linked("b", right=0.1, wrong=0.9),
        linked("c", right=0.9, wrong=0.1),
        linked("d", right=0.9, wrong=0.0),
    ]
    shown = pair_to_show(pairs, CHECK)
    assert (shown.item.pair_id, shown.n_like, shown.n_reverse) == ("c", 2, 1)
    assert pair_to_show(pairs[:2], CHECK).item.pair_id == "a"


def test_hanging_labels_are_below_their_points_and_never_touch():
    plot, spots, widths = Box(50, 10, 350, 200), [(330.0, 12.0), (55.0, 12.0), (250.0, 12.0)], [120.0, 60.0, 110.0]
    boxes = hang_labels(spots, widths, plot)
    assert all(box.inside(plot) and box.x0 <= x <= box.x1 for box, (x, _) in zip(boxes, spots, strict=True))
    assert [one.overlap(two) for one in boxes for two in boxes if one is not two] == [0.0] * 6
