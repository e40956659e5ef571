"""Several samples of one question, and the probability of a verdict: majority, preference, reasons, failures."""

import asyncio
import json
import math

import jsonschema
import pytest

from rightly.errors import BudgetExceededError
from rightly.inference.generator import Completion, TokenLogprobs
from rightly.inference.specs import Sampling
from rightly.judges.confidence import Told, judge_confidence, told
from rightly.judges.format import load_format
from rightly.judges.generative import GenerativeJudge, JudgeSettings, write_answer
from rightly.types import Judgment, Message, PreferencePair, Rationale, Usage
from tests.scripted import ScriptedGenerator

PAIR = PreferencePair(id="p", context=(Message(role="user", content="Q"),), responses=("one", "two"), label="A")


def says(verdict, reason="Response A cites the law"):
    text = f'{{"reasons": ["{reason} ({verdict})"], "verdict": "{verdict}"}}'
    return Completion(text=text, usage=Usage(input_tokens=10, output_tokens=2))


def voted(samples, order="AB", **settings):
    generator = ScriptedGenerator(lambda request: samples[request.sample])
    judge = GenerativeJudge("j", generator, Sampling(temperature=1.0), JudgeSettings(votes=len(samples), **settings))
    return asyncio.run(judge.judge(PAIR, order)), generator


def test_majority_of_the_votes_is_the_verdict_with_the_reasons_of_its_first_sample():
    judgment, generator = voted([says("B"), says("A"), says("A"), says("tie")])
    assert judgment.verdict == "A"
    assert judgment.votes == ("B", "A", "A", "tie")
    assert judgment.preference == pytest.approx((0 + 1 + 1 + 0.5) / 4)
    assert [reason.text for reason in judgment.rationales] == ["Response A cites the law (A)"]
    assert judgment.usage == Usage(input_tokens=40, output_tokens=8)
    assert sorted(request.sample for request in generator.requests) == [0, 1, 2, 3]
    assert len({request.key for request in generator.requests}) == 4


def test_votes_of_the_swapped_order_are_in_the_names_of_the_pair():
    judgment, _ = voted([says("A"), says("A"), says("B")], order="BA")
    assert (judgment.verdict, judgment.votes) == ("B", ("B", "B", "A"))
    assert judgment.preference == pytest.approx(1 / 3)


def test_equal_counts_tie_and_give_no_reasons_unless_a_sample_ties():
    judgment, _ = voted([says("A"), says("B")])
    assert (judgment.verdict, judgment.rationales) == ("tie", ())
    assert judgment.unread == "no sample has the verdict of the vote"


def test_an_unusable_sample_does_not_vote():
    judgment, _ = voted([Completion(text="Both are fine."), says("A"), Completion(failure="refused", detail="no")])
    assert (judgment.verdict, judgment.votes, judgment.preference) == ("A", (None, "A", None), 1.0)


def test_a_failed_request_fails_the_vote_so_that_it_is_repeated():
    judgment, _ = voted([says("A"), Completion(failure="provider", detail="HTTP 500"), says("A")])
    assert (judgment.failure, judgment.retry) == ("provider", True)
    assert judgment.detail == "1 of 3 samples failed, one with: HTTP 500"


def test_samples_that_are_all_unusable_are_a_failure_of_the_judge():
    judgment, _ = voted([Completion(text="Both are fine."), Completion(text="I decide nothing.")])
    assert (judgment.failure, judgment.verdict) == ("unparsed", None)


def test_samples_in_flight_are_awaited_when_one_ends_the_run():
    ended = []

    async def generate(request):
        if request.sample == 0:
            raise BudgetExceededError("no money")
        await asyncio.sleep(0.01)
        ended.append(request.sample)
        return says("A")

    generator = ScriptedGenerator(None)
    generator.generate = generate
    judge = GenerativeJudge("j", generator, Sampling(temperature=1.0), JudgeSettings(votes=3))
    with pytest.raises(BudgetExceededError):
        asyncio.run(judge.judge(PAIR, "AB"))
    assert sorted(ended) == [1, 2]


def test_a_system_message_joins_that_of_the_format():
    generator = ScriptedGenerator(lambda _: "[[A>B]]")
    settings = JudgeSettings(form=load_format("arena-hard"), system="Be strict.")
    asyncio.run(GenerativeJudge("j", generator, Sampling(), settings).judge(PAIR, "AB"))
    assert [turn.role for turn in generator.requests[0].messages] == ["system", "user"]
    assert generator.requests[0].messages[0].content.startswith("Be strict.\n\nJudge which of two assistants")


def with_logprobs(text, word, alternatives):
    found = {token: math.log(p) for token, p in alternatives.items()}
    return Completion(text=text, logprobs=(TokenLogprobs(start=text.rindex(word), token=word, alternatives=found),))


def asked(completion, form="rightly", pair=PAIR, order="AB"):
    generator = ScriptedGenerator(lambda _: completion)
    settings = JudgeSettings(form=load_format(form), logprobs=True)
    judge = GenerativeJudge("j", generator, Sampling(), settings)
    return asyncio.run(judge.judge(pair, order)), generator


def test_preference_is_the_probability_of_the_verdict_among_the_labels():
    answer = with_logprobs(
        '{"reasons": [], "verdict": "A"}', "A", {"A": 0.6, " A": 0.1, "B": 0.2, "tie": 0.1, "the": 0.1}
    )
    judgment, generator = asked(answer)
    assert judgment.preference == pytest.approx(0.75)
    assert "A" in generator.requests[0].logprobs_of
    assert asked(answer, order="BA")[0].preference == pytest.approx(0.25)


def test_no_log_probabilities_are_no_preference():
    judgment, _ = asked(Completion(text='{"reasons": [], "verdict": "A"}'))
    assert (judgment.verdict, judgment.preference) == ("A", None)


def test_a_token_that_is_not_the_verdict_is_no_preference():
    answer = with_logprobs('{"verdict": "A", "why": "B"}', "B", {"B": 0.9, "D": 0.1})
    assert asked(answer)[0].preference is None


def test_a_score_becomes_its_expectation():
    answer = with_logprobs('{"reasons": [], "score": 8}', "8", {"8": 0.5, "9": 0.25, "7": 0.25})
    judgment, _ = asked(answer, form="pointwise")
    assert judgment.scores == (8.0, 8.0)
    answer = with_logprobs('{"reasons": [], "score": 8}', "8", {"8": 0.6, "9": 0.2})
    assert asked(answer, form="pointwise")[0].scores == (8.25, 8.25)


def test_an_option_of_a_judge_that_changes_answers_changes_its_identity():
    made = [
        JudgeSettings(**options).identity("j", "model", Sampling()).fingerprint
        for options in ({}, {"votes": 2}, {"logprobs": True}, {"structured": True}, {"system": "Be strict."})
    ]
    assert len(set(made)) == 5
    assert JudgeSettings(seed=1).identity("j", "model", Sampling()).fingerprint == made[0]


def test_structured_output_and_a_system_message_reach_the_model(tmp_path):
    generator = ScriptedGenerator(lambda _: says("A"))
    settings = JudgeSettings(structured=True, system="Be strict.")
    judge = GenerativeJudge("j", generator, Sampling(), settings)
    asyncio.run(judge.judge(PAIR, "AB"))
    (request,) = generator.requests
    assert (request.messages[0].role, request.messages[0].content) == ("system", "Be strict.")
    asked = json.loads(request.response_format)
    assert (asked["type"], asked["json_schema"]["strict"]) == ("json_schema", True)
    schema = asked["json_schema"]["schema"]
    assert schema["properties"]["verdict"]["enum"] == ["A", "B", "tie"]
    jsonschema.validate(json.loads(write_answer([Rationale(text="x", about="A", favors="B")], "B")), schema)


def test_a_judge_that_states_no_preference_has_no_confidence():
    judgment = Judgment(pair_id="p", pair_key="k", judge="j", made_by="j", verdict="A")
    assert judge_confidence([told("A", [judgment])]) is None
    assert judge_confidence([]) is None


def test_confidence_is_the_mean_over_orders_and_failures_are_not_covered():
    pairs = [
        Told(chances=(0.9, 0.7), votes=((), ())),
        Told(chances=(0.2, 0.4), votes=((), ())),
        Told(chances=(0.6,), votes=((),)),
        Told(chances=(0.5,), votes=((),)),
        Told(chances=(0.9, None), votes=((), ())),
    ]
    found = judge_confidence(pairs)
    assert (found.n, found.n_confident) == (5, 4)
    assert found.brier == pytest.approx((0.2**2 + 0.7**2 + 0.4**2 + 0.5**2) / 4)
    assert [(point.n, point.coverage) for point in found.coverage] == [(3, 0.6), (2, 0.4), (1, 0.2)]
    assert [point.accuracy for point in found.coverage] == pytest.approx([2 / 3, 1 / 2, 1])
    assert [point.confidence for point in found.coverage] == pytest.approx([0.6, 0.7, 0.8])


def test_equal_confidences_share_a_point_whatever_their_rounding():
    pairs = [Told(chances=(p,), votes=((),)) for p in (0.6, 1 - 0.6, (0.2 + 0.4 + 0.6) / 3, (0.4 + 0.6) / 2)]
    (point,) = judge_confidence(pairs).coverage
    assert (point.n, point.coverage, point.accuracy) == (3, 0.75, pytest.approx(1 / 3))


def test_accuracy_by_votes_is_the_mean_over_disjoint_groups():
    pairs = [
        Told(chances=(0.75,), votes=((1, 1, -1, 1),)),
        Told(chances=(0.5,), votes=((-1, 1, 1, -1),)),
        Told(chances=(None,), votes=((),)),  # failed as a whole
    ]
    found = judge_confidence(pairs)
    assert [(point.votes, point.accuracy) for point in found.by_votes] == [
        (1, pytest.approx((3 + 2) / 12)),
        (2, pytest.approx(1 / 6)),  # the groups (1, 1) is right; every other group of two ties or is missing
        (4, pytest.approx(1 / 3)),
    ]
    both = judge_confidence([Told(chances=(0.6, 0.9), votes=((1, -1), (1, 1)))])
    assert [point.accuracy for point in both.by_votes] == [0.5, 1.0]
