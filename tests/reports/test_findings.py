"""What the report says, rule by rule."""

import pytest

from rightly.auditing.result import LengthRow, Position
from rightly.reports.findings import findings
from tests.reports.factory import estimate, judge, lean, paired_test, result


def said(*judges, **changes):
    return "\n".join(findings(result(*judges, **changes)))


def test_an_audit_without_judges_says_nothing_of_them():
    assert all("right most often" not in line for line in findings(result()))


def test_judges_that_share_a_letter_cannot_be_told_apart():
    alike = said(judge("x", 0.8), judge("y", 0.75))
    assert "the two judges cannot be told apart by how often they are right" in alike
    partly = said(judge("x", 0.8), judge("y", 0.75, groups_accuracy="ab"), judge("z", 0.5, groups_accuracy="b"))
    assert "x is right most often" in partly
    assert "cannot be told apart from y" in partly
    apart = said(judge("x", 0.8), judge("y", 0.5, groups_accuracy="b"), tests=(paired_test("x", "y"),))
    assert "cannot be told apart from y" not in apart


def test_a_smoke_matcher_ranks_nobody():
    spoken = said(
        judge("x", consistency=0.9), judge("y", consistency=0.1, groups_consistency="b"), matcher_smoke_only=True
    )
    assert "do not compare judges by these consistency scores" in spoken
    assert "agree most with the human" not in spoken
    assert "agree most with the human" in said(
        judge("x", consistency=0.9), judge("y", consistency=0.1, groups_consistency="b")
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spurious": estimate(0.4)}, "wrong reasons"),
        ({"position": Position(n=90, consistency=0.6, first_slot=0.7, second_slot=0.3)}, "with the order in 40.0%"),
        ({"failures": {"unparsed": 30}}, "no usable answer in 30 of 200 judgments; each makes its pair wrong"),
        ({"failures": {"provider": 7}}, "7 of 200 judgments of model failed"),
        ({"self_consistency": estimate(0.9, n=60)}, "in 10.0% of its answers (60 pairs)"),
        (
            {
                "by_length": (
                    LengthRow(longer_is_better=True, n=60, accuracy=0.95, chose_longer=0.9),
                    LengthRow(longer_is_better=False, n=40, accuracy=0.2, chose_longer=0.8),
                ),
                "length_lean": lean(0.75, 0.001),
            },
            "leans to the longer",
        ),
    ],
)
def test_a_notable_figure_gets_a_sentence_and_an_unremarkable_one_none(changes, words):
    assert words in said(judge(**changes))
    assert words not in said(judge())


def test_labelled_pairs_whose_judgments_all_failed_are_not_called_unlabelled():
    nothing = judge(accuracy=None, consistency=None, spurious=estimate(None), failures={"provider": 6})
    spoken = said(nothing, n_labelled=3, n_points=6)
    assert "No judgment of a labelled pair was answered, so outcome accuracy could not be measured." in spoken
    assert "No pair has" not in spoken
    assert "failed (network, rate limit, server error) and are excluded; run the same command again to retry" in spoken
    assert "No judge's reasons were matched with human points" in spoken
    spoken = said(nothing, n_labelled=0, n_points=0)
    assert "No pair has a side for a label" in spoken
    assert "No pair has human points" in spoken


def test_nothing_measured_is_said_plainly():
    spoken = said(judge(accuracy=None, consistency=None, spurious=estimate(None)), n_labelled=0, n_points=0)
    assert "None" not in spoken
    assert "nan" not in spoken.lower().split()


LEANS = {
    "length_lean": lambda p: {"length_lean": lean(0.6, p)},
    "lean": lambda p: {"position": Position(n=9, consistency=0.5, first_slot=0.7, second_slot=0.3, lean=lean(0.4, p))},
}
WORDS = {"length_lean": "leans to", "lean": "shown first gets more"}


@pytest.mark.parametrize("which", LEANS)
def test_no_lean_without_a_test_that_is_adjusted_for_the_number_of_judges(which):
    plain, words = judge("plain", **LEANS[which](0.9)), WORDS[which]
    assert words in said(judge("x", **LEANS[which](0.03)))
    assert words not in said(judge("x", **LEANS[which](0.03)), plain)
    assert words in said(judge("x", **LEANS[which](0.02)), plain)
    assert words not in said(judge("x", **LEANS[which](None)))


def test_descriptions_state_how_many_they_describe():
    spoken = said(judge(spurious=estimate(0.4, n=70), unconstrained=estimate(0.6, n=55), consistency=0.4))
    assert "40.0% of model (n = 70)" in spoken
    assert "would read 0.600 instead of 0.400 on the same 100 pairs" in spoken


def test_low_figures_of_a_held_out_person_are_explained_before_they_are_counted():
    person = judge("annotator", consistency=0.033, person=True, spurious=estimate(1.0), list_length=1.0)
    lines = findings(result(person, judge("longer"), n_points=400))
    (told,) = [place for place, line in enumerate(lines) if "as a fault of the person" in line]
    assert "1.0 reasons against 4.0 points can reach 0.250 at most" in lines[told]
    assert "0.033" in lines[told]
    assert "says little about any judge" in lines[told + 1]
    assert told < next(place for place, line in enumerate(lines) if "Right for the wrong reasons" in line)


def test_nothing_is_explained_of_a_person_who_reads_high_or_of_a_rule_that_reads_low():
    assert "fault of the person" not in said(judge("annotator", person=True))
    assert "fault of the person" not in said(judge("longer", spurious=estimate(1.0)))
