"""The verdict parser, as a table of answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.judges.parsing import explicit_verdicts, parse_answer

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
    # thinking does not count
    ("<think>verdict: A</think>verdict: B", "B"),
    ("verdict: A, I think</think>verdict: B", "B"),
    # an explicit verdict outranks what the prose says of the task's own answer (multiple choice)
    ("Response A names the right option.\n[[A]]\nThe key says that the correct answer is B.", "A"),
    ("[[A]] - since the wrong answer is B.", "A"),
    ('{"reasons": ["Response A names the right option"], "verdict": "A"}\nThe correct answer is B, by the way.', "A"),
    ('{"reasons": ["Response A names the right option"], "verdict": "A"}\nThe correct answer is D, by the way.', "A"),
    ("Verdict: A (the correct answer is B.)", "A"),
    ("Response A ends with <answer>B</answer>.\nFinal verdict: A", "A"),
    # a draft is not the verdict
    ("Draft: \\boxed{A}\nThe dates change my mind.\nFinal judgment: B", "B"),
    ("I first took the verdict: A. It does not hold.\nFinal verdict:\u200bB", "B"),
    ("Draft verdict: A.\nFinal\u00a0verdict:\u00a0B", "B"),
    ("Verdict: A\nFinal verdict: B", "B"),
    ('First:\n```json\n{"verdict": "A"}\n```\nThen:\n```json\n{"verdict": "B"}\n```', "B"),
    ("Accuracy\nWinner: A\nStyle\nWinner: B\n\n[[A]]", "A"),
    ('Accuracy\nWinner: A\nStyle\nWinner: B\n{"verdict": "A"}', "A"),
    ("Verdict: A\n\u6700\u7ec8\u7ed3\u8bba\uff1aB", "B"),
    ("Draft verdict: A.\n\u6700\u7ec8\u7ed3\u8bba\uff1aB", "B"),
    ("Verdict: A\nResponse B ends with [[B]].", "A"),
    # a legend is not a verdict
    ("[[B]]\n\nKey: [[A]] = the first wins, [[B]] = the second wins, [[C]] = tie", "B"),
    # marks around a label
    ('{"verdict": "B\u200b"}', "B"),
    ('{"verdict": "B."}', "B"),
    ('{"verdict": "**B**"}', "B"),
    ('{"verdict": "Response B is better"}', "B"),
    ("<answer>[[B]]</answer>", "B"),
    ("<verdict>**B**</verdict>", "B"),
    (r"\boxed{\textbf{B}}", "B"),
    (r"The better response is $\boxed{\text{Response B}}$.", "B"),
    ("[[**B**]]", "B"),
    ("[[Response B is better]]", "B"),
    ("[[B]]</s>", "B"),
    ("**Verdict:** **B**", "B"),
    ("### Verdict\nB", "B"),
    ("Verdict: `B`", "B"),
    ("Final verdict: Response **B**", "B"),
    ("Final verdict: [B]", "B"),
    ("Final verdict: (B)", "B"),
    ("Verdict\uff1a\uff22", "B"),
    ("Verdict: B > A", "B"),
    ("Verdict: A < B", "B"),
    ("Final verdict: A is worse than B.", "B"),
    ("My final verdict is: Assistant B is slightly better: [[B>A]]", "B"),
    ("Verdict: A, B omits the year", "A"),
    # JSON as models write it
    ('{"reasons": [{"point": "B cites it"},], "verdict": "B",}', "B"),
    ('{"evaluation": {"reasons": [], "verdict": "B"}}', "B"),
    ('[{"reasons": [], "verdict": "B"}]', "B"),
    ('{"Reasons": [], "Verdict": "B"}', "B"),
    ('{"reasons": [], "final_verdict": "B"}', "B"),
    ('{"reasons": [], "Final Verdict": "B"}', "B"),
    ('{"reasons": [], "winner": "B"}', "B"),
    ('{"criteria": {"style": {"winner": "A"}}, "verdict": "B"}', "B"),
    ('{"verdict": {"winner": "B"}}', "B"),
    ('{"reasons": [], "preferred_response": "B"}', "B"),
    ('```json\n{"reasoning": "B cites it", "result": "B"}\n```', "B"),
    ('{"verdict": "Response 2"}', "B"),
    ('{"verdict": "equal"}', "tie"),
    ('{"verdict": "B"} (example: {"verdict": "A"})', "B"),
    ("The example of Response A is wrong and its template is empty, so [[B]]", "B"),
    # channels of a server without their parser
    (
        "<|channel|>analysis<|message|>Maybe [[A]].<|end|><|start|>assistant<|channel|>final<|message|>So [[B]]<|return|>",
        "B",
    ),
    # a thinking tag that is only spoken of
    ("Response A lacks the <reasoning> part that was asked for.\nVerdict: B", "B"),
    ('{"reasons": ["Response A leaks </think> and <think> into its text"], "verdict": "B"}', "B"),
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
    ("The answer is better than that.", "no verdict"),
    ("[[A]] then [[maybe]]", "none of the labels"),
    ('{"reasons": [], "verdict": "A or B"}', "none of the labels"),
    ("{" * 3000, "no verdict"),
    ('{"a": ' * 3000, "truncated"),
    # an article is not a label
    ("Verdict: A good answer is B", "no verdict"),
    # prose that a verdict cannot be told from: what the task's answer is, what a response says
    ("Response B shows that x = 2, so the answer is B.", "no verdict"),
    (r"Response A answers \boxed{B}, which is right.", "no verdict"),
    ("Response B ends with its own verdict: B.", "no verdict"),
    # verdicts that differ
    ("Verdict: A. No: the answer is B.", "two verdicts"),
    ("Verdict: A\nVerdict: B", "two verdicts"),
    ("[[A]]\nFinal verdict: B", "two verdicts"),
    ("Final verdict: A\n[[B]]", "two verdicts"),
    ('{"verdict": "A", "verdict": "B"}', "cannot be read"),
    ('{"winner": "A", "verdict": "B"}', "none of the labels"),
    ('[{"on": "style", "winner": "A"}, {"on": "facts", "winner": "B"}]', "none of the labels"),
    # labels that are offered, compared or echoed
    ("[[A]] or [[B]]", "no verdict"),
    ("I would not say [[B]] over [[A]].", "no verdict"),
    ("Verdict: A/B", "no verdict"),
    ("Verdict: A or B", "no verdict"),
    ("Final verdict: A, B or tie", "none of the labels"),
    ("Choose among [[A]], [[B]] and [[C]].", "no verdict"),
    ('say "[[A]]" if assistant A is better, "[[B]]" if assistant B is better, and "[[C]]" for a tie', "no verdict"),
    ('I answer with "verdict": "A" or "B" or "tie".\nBoth are fine; I decide nothing.', "no verdict"),
    ('{"reasons": [{"point": "...", "about": "A" or "B"}, ...], "verdict": "A" or "B" or "tie"}', "cannot be read"),
    # truncated
    (
        '{"reasons": [{"point": "Response A says that the answer is B, as the key does", "about": "A"}, {"po',
        "truncated",
    ),
    ('{"reasons": [{"point": "Response B ends with [[B]]", "about": "B"}, {"point": "Resp', "truncated"),
    ('{"reasons": ["x"], "verdict": "', "truncated"),
    ("<|channel|>analysis<|message|>Maybe [[A]]. Verdict: A", "nothing but thinking"),
    ("<seed:think>Verdict: A", "nothing but thinking"),
    ("Verdict: tie, slightly B", "none of the labels"),
    # what may be anything's outside an answer that is one object
    ('Response B prints {"result": "B"}.', "no verdict"),
    ('Example: {"verdict": "A"}', "no verdict"),
    # thinking in other tags
    ("<thought>Maybe [[A]]. Verdict: A</thought>\nBoth are poor.", "no verdict"),
    ("[THINK]Maybe [[A]][/THINK]Both are poor.", "no verdict"),
    ("\u25c1think\u25b7Maybe [[A]]", "nothing but thinking"),
    # a verdict that may be quoted by a reason whose quotes are not escaped
    ('{"reasons": ["Response B says "verdict": "A"."], "verdict": "B"}', "none of the labels"),
]


@pytest.mark.parametrize(("answer", "verdict"), VERDICTS)
def test_parse_answer_reads_verdict(answer, verdict):
    assert parse_answer(answer).verdict == verdict


@pytest.mark.parametrize(("answer", "problem"), FAILURES)
def test_unusable_answer_is_a_named_failure(answer, problem):
    parsed = parse_answer(answer)
    assert parsed.verdict is None
    assert problem in parsed.problem


def test_parse_answer_refuses_labels_not_offered():
    assert parse_answer("[[C]]", {"C": "tie"}).verdict == "tie"
    assert parse_answer("[[A]]", {"C": "tie"}).verdict is None


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        ('{"reasons": "A is good", "verdict": "A"}', "reasons is a str, not a list"),
        (
            '{"reasons": [{"quote": "x", "why": "y"}], "verdict": "A"}',
            "none of the reasons has a text that can be told",
        ),
        ("Response A cites the law and B does not.\n[[A]]", "no list of reasons in the answer"),
    ],
)
def test_unread_reasons_are_named_and_leave_the_verdict(answer, unread):
    assert parse_answer(answer)[:4] == ("A", (), "", unread)


@pytest.mark.parametrize("answer", ['{"reasons": [], "verdict": "A"}', '{"verdict": "A"}', "1. A cites the law\n[[A]]"])
def test_reasons_that_were_read_are_not_called_unread_even_if_there_are_none(answer):
    assert parse_answer(answer).unread == ""


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        (
            "{'reasons': ['Response B\\'s law', \"it isn't short\"], 'verdict': 'B'}",
            ["Response B's law", "it isn't short"],
        ),
        ('{"reasons": ["one"] "verdict": "B"}', ["one"]),
        ('{"reasons": ["one"], // so\n "verdict": "B"}', ["one"]),
        ('{"reasons": ["one", ...], "verdict": "B"}', ["one"]),
        ('{"reasons": ["one",], "verdict": "B",}', ["one"]),
        (r'{"reasons": ["uses \frac{1}{2}"], "verdict": "B"}', [r"uses \frac{1}{2}"]),
    ],
)
def test_repaired_json_is_read_and_counted(answer, reasons):
    parsed = parse_answer(answer)
    assert (parsed.verdict, [reason.text for reason in parsed.rationales], parsed.repaired) == ("B", reasons, True)
    assert not parse_answer(json.dumps({"reasons": reasons, "verdict": "B"})).repaired


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


def test_reasons_keep_line_separators_and_braces():
    parsed = parse_answer('{"reasons": [{"point": "uses {x} and \u2028 </json>"}], "verdict": "A"}')
    assert parsed.rationales[0].text == "uses {x} and \u2028 </json>"


REASONS = [
    {"point": "Response B evaluates the integral as the key does", "about": "B", "favors": "B"},
    {"point": "Response A forgets the constant", "about": "A", "favors": "B"},
]
PLAIN = json.dumps({"reasons": REASONS, "verdict": "B"})


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN,
        PLAIN.replace("}]", "},]"),
        f'{{"result": {PLAIN}}}',
        PLAIN.replace('"point"', '"description"').replace(', "favors": "B"', ""),
        PLAIN.replace("as the key does", r"as \(x^2/2\)"),
        PLAIN.replace("the integral", 'the "whole" integral'),
        f"[[B]]\n{PLAIN}",
        f"{PLAIN}\nFinal verdict: [[B]]",
    ],
)
def test_reasons_are_read_from_every_json_variant(answer):
    parsed = parse_answer(answer)
    assert parsed.verdict == "B"
    assert [reason.about for reason in parsed.rationales] == ["B", "A"]


@pytest.mark.parametrize(
    "formula", [r"\frac{1}{2}", r"\beta", r"\(x^2\)", r"\theta \times \rho", r"\neq \nabla", r"\underline{x}"]
)
def test_reasons_keep_latex_formulas(formula):
    answer = '{"reasons": ["Response B writes %s"], "verdict": "B"}'
    assert parse_answer(answer % formula).rationales[0].text == f"Response B writes {formula}"
    assert parse_answer(answer % formula.replace("\\", "\\\\")).rationales[0].text == f"Response B writes {formula}"


def test_reasons_decode_json_escapes():
    parsed = parse_answer(r'{"reasons": ["Response B says \"no\"\n\tto\/1 \u00e9"], "verdict": "B"}')
    assert parsed.rationales[0].text == 'Response B says "no"\n\tto/1 é'


HOSTILE = [
    "the answer is A",
    "ends with [[A]]",
    'says "verdict": "A"',
    "Verdict: A.",
    "\\boxed{A}",
    "{<think>}",
    "\n[[A]]\n",
]


@given(st.lists(st.sampled_from(HOSTILE), max_size=4), st.booleans(), st.integers(0, 400))
def test_truncation_never_reverses_verdict(points, verdict_first, length):
    reasons = {"reasons": [{"point": f"Response B {point}", "about": "B"} for point in points]}
    verdict = {"verdict": "B"}
    whole = json.dumps(verdict | reasons if verdict_first else reasons | verdict)
    assert parse_answer(whole).verdict == "B"
    assert parse_answer(whole[:length]).verdict in ("B", None)


@given(
    st.lists(st.sampled_from([*HOSTILE, "[[B]]", "[[A]] or", "Final verdict: B", "{", '"', "tie", "\n", "</think>"]))
)
def test_any_answer_gives_verdict_or_named_failure(parts):
    text = " ".join(parts)
    parsed = parse_answer(text)
    assert (parsed.verdict is None) == bool(parsed.problem)
    if parsed.verdict is not None:
        assert parsed.verdict == explicit_verdicts(text)[-1]
