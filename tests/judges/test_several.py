"""Judges of more than two responses: verdicts by letter, scores with gaps, panels, and counts."""

import asyncio
import string

import pytest

from rightly.errors import InputError
from rightly.inference.specs import Sampling
from rightly.judges.base import JudgeIdentity
from rightly.judges.format import load_format
from rightly.judges.generative import GenerativeJudge, JudgeSettings
from rightly.judges.heuristic import HEURISTICS
from rightly.judges.panel import PanelJudge
from rightly.judges.tally import LabelIndex
from rightly.types import Judgment, PreferencePair, letter_of
from tests.scripted import ScriptedGenerator

FOUR = PreferencePair(id="p", responses=("w", "xx", "yyy", "zzzz"), label="C")


def judged(judge, pair=FOUR):
    (order,) = judge.orders(pair)
    return asyncio.run(judge.judge(pair, order))


def judge_in(form, answer):
    return GenerativeJudge("j", ScriptedGenerator(answer), Sampling(), JudgeSettings(form=load_format(form)))


def place_in(request, response):
    """Where the prompt shows the response; -1 if it does not."""
    return request.messages[-1].content.find(f"]\n{response}\n[")


def rating(scores):
    """Answers of a rating judge: a score for the response that the prompt shows, or something that is none."""

    def answer(request):
        score = next(score for text, score in scores.items() if place_in(request, text) >= 0)
        return f"Because.\n{score}"

    return answer


def test_letters_go_on_after_z():
    assert [letter_of(place) for place in (0, 25, 26, 27, 51, 52)] == ["A", "Z", "AA", "AB", "AZ", "BA"]


def test_thirty_responses_are_rated():
    texts = [f"text {i}." for i in range(30)]
    judge = judge_in("rewardbench2-ratings", rating({text: 10 if i == 28 else 3 for i, text in enumerate(texts)}))
    pair = PreferencePair(id="p", responses=tuple(texts), label="A")
    judgment = judged(judge, pair)
    assert judgment.verdict == "AC"
    assert judgment.scores == (3.0,) * 28 + (10.0, 3.0)
    assert judgment.verdict in pair.choices


def test_a_failed_rating_fails_the_judgment_and_leaves_a_gap_in_the_scores():
    judgment = judged(judge_in("rewardbench2-ratings", rating({"w": 9, "xx": "none", "yyy": 3, "zzzz": 11})))
    assert (judgment.verdict, judgment.failure) == (None, "unparsed")
    assert judgment.scores == (9.0, None, 3.0, None)
    assert Judgment.model_validate_json(judgment.model_dump_json()) == judgment


def test_votes_keep_the_gap_only_where_every_sample_failed():
    judge = GenerativeJudge(
        "j",
        ScriptedGenerator(lambda request: f"x\n{'?' if 'xx' in request.messages[-1].content else request.sample + 3}"),
        Sampling(temperature=1.0),
        JudgeSettings(form=load_format("rewardbench2-ratings"), votes=2),
    )
    assert judged(judge).scores == (3.5, None, 3.5, 3.5)


@pytest.mark.parametrize(
    ("form", "several", "rates"),
    [("rightly", False, False), ("rewardbench2", True, False), ("rewardbench2-ratings", True, True)],
)
def test_an_identity_says_whether_a_judge_takes_several_and_rates(form, several, rates):
    identity = judge_in(form, lambda _: "").identity
    assert (identity.compares_all, identity.rates) == (several, rates)


def test_a_panel_takes_several_responses_if_all_its_members_do():
    chooser = judge_in("rewardbench2", lambda _: "[[A]]")
    assert PanelJudge([chooser, HEURISTICS["longer"]()]).identity.compares_all
    mixed = PanelJudge([chooser, judge_in("rightly", lambda _: "")])
    assert not mixed.identity.compares_all
    with pytest.raises(InputError, match="4 responses"):
        judged(mixed)


def test_a_panel_of_choosers_gives_the_letter_of_the_majority():
    def best(request):
        order = sorted(FOUR.responses, key=lambda text: place_in(request, text))
        return f"[[{letter_of(order.index('yyy'))}]]"

    panel = PanelJudge([judge_in("rewardbench2", best), judge_in("rewardbench2", best), HEURISTICS["longer"]()])
    assert judged(panel).verdict == "C"


@pytest.mark.parametrize(("name", "verdict"), [("longer", "D"), ("shorter", "A"), ("first", "A")])
def test_rules_look_at_all_responses(name, verdict):
    assert judged(HEURISTICS[name]()).verdict == verdict


def test_several_longest_responses_are_a_tie():
    pair = FOUR.model_copy(update={"responses": ("a", "bbb", "ccc", "dd")})
    assert judged(HEURISTICS["longer"](), pair).verdict == "tie"


def test_counts_of_judgments_by_letter():
    pairs = [FOUR.model_copy(update={"id": f"{n}", "label": label}) for n, label in enumerate("ACDB")]
    index = LabelIndex([JudgeIdentity(name="j", fingerprint="j")])
    list(index.watch(pairs))
    made = [
        Judgment(pair_id=pair.id, pair_key=pair.content_key, judge="j", made_by="j", verdict=verdict)
        for pair, verdict in zip(pairs, "CCDA", strict=True)
    ]
    (tally,) = index.tally(made)
    assert tally.verdicts == {"tie": 0, "A": 1, "B": 0, "C": 2, "D": 1}
    assert (tally.n_labelled, tally.accuracy) == (4, 0.5)
    assert set(tally.verdicts) < {*string.ascii_uppercase, "tie"}
