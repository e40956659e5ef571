import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rightly.references import rename_references, subject_side, swap_references

FORMS = [
    "Response 1", "Response 2", "response A", "RESPONSE B", "Responses 1 and 2", "responses A & B", "Answer two", "A1",
    "A2", "a1", "A", "B", "A's", "B's", "argument 1", "argument 2's", "the first response", "the second one",
    "Second answer", "(a)", "Response (B)", "A/B", "A vs. B", "B over A", "@Response 1", "response_2", "Response #1",
    "output 1.5", "Response 10", "summary one", "Assistant A", "model B", "Unlike A,", "than B", "prefer A", "to B.",
]  # fmt: skip
WORDS = [
    "is", "better", "than", "because", "vitamin", "A", "grade", "and", "or", "the", "1", "2", "one", "first", "second",
    "of", "over", ",", ".", ";", "-", "'s", "(", ")", "plan", "both", "answers", "responses", "wrong", "A2's", "\n", "**",
]  # fmt: skip
SENTENCE = st.lists(st.sampled_from(FORMS + WORDS), max_size=14).flatmap(
    lambda words: st.sampled_from([" ", ""]).map(lambda gap: gap.join(words))
)


@given(SENTENCE)
@example("Responses 1 and 2")
@example("A or B over A")
@example("the second one is better than the first one")
def test_swap_references_twice_restores_text(text):
    assert swap_references(swap_references(text)) == text


@given(SENTENCE)
def test_swapping_swaps_the_subject(text):
    other = {"A": "B", "B": "A", None: None}
    assert subject_side(swap_references(text)) == other[subject_side(text)]


@given(st.text(max_size=60))
def test_swap_references_is_an_involution_on_any_text(text):
    assert swap_references(swap_references(text)) == text


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("Response 1 is right", "Response 2 is right"),
        ("@Response 1 beats @Response 2", "@Response 2 beats @Response 1"),
        ("A1 has facts, A2's tone is rude", "A2 has facts, A1's tone is rude"),
        ("Responses 1 and 2 both fail", "Responses 2 and 1 both fail"),
        ("The first answer wins", "The second answer wins"),
        ("The Second one wins", "The First one wins"),
        ("A is better than B.", "B is better than A."),
        ("answer one omits it", "answer two omits it"),
        ("Response (a) is short", "Response (b) is short"),
    ],
)
def test_swap_references_examples(text, swapped):
    assert swap_references(text) == swapped


@pytest.mark.parametrize(
    "text",
    [
        "A good answer", "It needs vitamin A, too", "grade B is enough", "Response 10 is not here", "see 1 and 2",
        "A response must be short", "version 1.2", "first of all", "no names at all", "", "plan B is fine",
    ],
)  # fmt: skip
def test_swap_references_leaves_other_text_unchanged(text):
    assert swap_references(text) == text
    assert subject_side(text) is None


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Unlike A, B is right", "B"),
        ("Response 2 is better than Response 1", "B"),
        ("compared to the first response, the second one is short", "B"),
        ("A1 and A2 agree", "A"),
        ("Too long", None),
        ("It is longer than Response 1", "A"),
    ],
)
def test_subject(text, subject):
    assert subject_side(text) == subject


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("Unlike the second answer, Response 1 cites a source", "Unlike Y, X cites a source"),
        ("In B the proof is short, A points it out", "In Y the proof is short, X points it out"),
        ("left unanswered by A", "left unanswered by X"),
        ("The first answer is short, the second one long", "X is short, Y long"),
        ("Responses A and B agree; so does B", "Responses X and Y agree; so does Y"),
        ("A better answer has a lens for class B airspace", "A better answer has a lens for class B airspace"),
        ("A series of B vitamins", "A series of B vitamins"),
    ],
)
def test_rename_references_uses_given_names(text, renamed):
    assert rename_references(text, {"A": "X", "B": "Y"}) == renamed
