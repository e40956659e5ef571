import asyncio

from rightly.judges.prepared import Answer, PreparedJudge
from rightly.types import PreferencePair

PAIR = PreferencePair(id="p", responses=("x", "y"), label="B")


def judged(judge, pair=PAIR):
    (order,) = judge.orders(pair)
    return asyncio.run(judge.judge(pair, order))


def test_prepared_judge_gives_the_answer_of_the_pair():
    judge = PreparedJudge("w", {"p": Answer("B", "y is right"), "q": Answer("A", "no")}, "a note")
    found = judged(judge)
    assert (found.verdict, [reason.text for reason in found.rationales]) == ("B", ["y is right"])
    assert found.made_by == judge.identity.fingerprint
    assert judge.identity.note == "a note"


def test_a_pair_without_a_prepared_answer_is_a_failure_of_the_data():
    found = judged(PreparedJudge("w", {}, ""))
    assert (found.verdict, found.failure) == (None, "provider")


def test_identity_is_the_answers_and_not_the_name():
    def made(name, **answers):
        return PreparedJudge(name, {key: Answer("A", text) for key, text in answers.items()}, "").identity.fingerprint

    assert made("one", p="x", q="y") == made("other", q="y", p="x")
    assert made("one", p="x") != made("one", p="y")
    assert made("one", p="x") != made("one", q="x")
