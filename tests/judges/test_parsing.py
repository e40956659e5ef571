"""The verdict parser, as a table of answers."""

import pytest

from rightly.judges.parsing import parse_answer, strip_thinking

VERDICTS = [
    ('{"reasons": [], "verdict": "A"}', "A"),
    ('```json\n{"reasons": [], "verdict": "B"}\n```', "B"),
    ('{"verdict": "tie"}', "tie"),
    ('{"verdict": "a"}', "A"),
    ('{"verdict": "Response B"}', "B"),
    ("[[A>>B]]", "A"),
    ("[[ B > A ]]", "B"),
    ("[[A=B]]", "tie"),
    ("My final verdict is: [[B<A]]", "A"),
    (r"\boxed{A}", "A"),
    (r"\boxed{\text{B>>A}}", "B"),
    ("<verdict>A</verdict>", "A"),
    ("<answer>tie</answer>", "tie"),
    ("Verdict: A", "A"),
    ("**Final Verdict**: B", "B"),
    ("**Winner:** Response A.", "A"),
    ("The verdict is a tie.", "tie"),
    ("Verdict: B because A is wrong", "B"),
    # the last one binds: an earlier one may be quoted from the material
    ("The response says [[A]]. I disagree: [[B]]", "B"),
    ('{"verdict": "A"}\nOn reflection: [[B]]', "B"),
    ('It holds [[A]] and {"verdict": "A"}.\n{"reasons": [], "verdict": "B"}', "B"),
    ("Verdict: A. No: the answer is B.", "B"),
    # thinking does not count
    ("<think>verdict: A</think>verdict: B", "B"),
    ("verdict: A, I think</think>verdict: B", "B"),
    # an article is not a label
    ("Verdict: A good answer is B", "B"),
    # cut off after the verdict was written: it was said
    ('{"reasons": [], "verdict": "B", "confi', "B"),
]
FAILURES = [
    ("", "empty"),
    ("   \n", "empty"),
    ("<think>A is better, so [[A]]", "nothing but thinking"),
    ("Both are fine.", "no verdict"),
    ("A", "no verdict"),
    ("[[C]]", "none of the labels"),
    ("Verdict: D", "none of the labels"),
    ('{"verdict": null}', "not a label"),
    ('{"verdict": 1}', "not a label"),
    ('{"verdict": ["A"]}', "not a label"),
    ('{"reasons": "A is good", "verdict": "A"}', "not a list"),
    ("The answer is better than that.", "no verdict"),
    ("[[A]] then [[maybe]]", "none of the labels"),
    ('{"reasons": [], "verdict": "A or B"}', "none of the labels"),
    ("{" * 3000, "no verdict"),
]


@pytest.mark.parametrize(("answer", "verdict"), VERDICTS)
def test_verdict_is_read(answer, verdict):
    assert parse_answer(answer).verdict == verdict


@pytest.mark.parametrize(("answer", "problem"), FAILURES)
def test_unusable_answer_is_a_named_failure(answer, problem):
    parsed = parse_answer(answer)
    assert parsed.verdict is None
    assert problem in parsed.problem


def test_labels_that_were_not_offered_are_refused():
    assert parse_answer("[[C]]", {"C": "tie"}).verdict == "tie"
    assert parse_answer("[[A]]", {"C": "tie"}).verdict is None


def test_json_reasons_keep_order_side_and_favor():
    parsed = parse_answer(
        '{"reasons": [{"point": " cites 1998 ", "about": "Response A", "favors": "B"}, "B is terse", {"point": ""}, 7], '
        '"verdict": "B"}'
    )
    assert [(r.text, r.about, r.favors) for r in parsed.rationales] == [
        ("cites 1998", "A", "B"),
        ("B is terse", "B", None),
    ]


def test_listed_reasons_end_at_the_verdict_and_at_blank_lines():
    parsed = parse_answer(
        "Reasons:\n1. Response A omits the\n   year (favors B)\n2) B is right about 1998\n\nSo overall.\n\n"
        "Verdict: [[B]]\n3. no reason"
    )
    assert [(r.text, r.about, r.favors) for r in parsed.rationales] == [
        ("Response A omits the year", "A", "B"),
        ("B is right about 1998", "B", None),
    ]


def test_line_separators_and_braces_inside_reasons_survive():
    parsed = parse_answer('{"reasons": [{"point": "uses {x} and \u2028 </json>"}], "verdict": "A"}')
    assert parsed.rationales[0].text == "uses {x} and \u2028 </json>"


def test_thinking_is_stripped_whole():
    assert strip_thinking("<think>a</think> b <thinking>c</thinking>d") == "b d"
    assert strip_thinking("a</think>b") == "b"
    assert strip_thinking("b<think>c") == "b"
