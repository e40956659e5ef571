import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rightly.types import Judgment, Message, PreferencePair, Rationale, Usage, Vote, content_key

SIDES = st.sampled_from([None, "A", "B"])
CHOICES = st.sampled_from(["A", "B", "tie"])
TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["A1 beats A2", "Response 1, unlike B", "the second one"]))
RATIONALES = st.builds(Rationale, text=TEXT, annotator=st.none() | TEXT, about=SIDES, favors=SIDES)
PAIRS = st.builds(
    PreferencePair,
    id=TEXT,
    context=st.lists(st.builds(Message, role=st.just("user"), content=TEXT), max_size=2).map(tuple),
    responses=st.tuples(TEXT, TEXT),
    label=st.none() | CHOICES,
    degree=st.none() | st.floats(0, 3),
    votes=st.lists(st.builds(Vote, annotator=TEXT, choice=CHOICES), max_size=3).map(tuple),
    rationales=st.lists(RATIONALES, max_size=3).map(tuple),
)


@given(PAIRS)
def test_swapping_pair_twice_restores_it(pair):
    assert pair.swap().swap() == pair


@given(PAIRS)
def test_swap_keeps_the_better_response(pair):
    swapped = pair.swap()
    for before, after in [(pair.label, swapped.label), *zip(_choices(pair), _choices(swapped), strict=True)]:
        if before in ("A", "B"):
            assert pair.responses["AB".index(before)] == swapped.responses["AB".index(after)]
        else:
            assert after == before


@given(PAIRS)
def test_swap_keeps_fields_independent_of_order(pair):
    swapped = pair.swap()
    assert (swapped.id, swapped.context, swapped.degree) == (pair.id, pair.context, pair.degree)
    assert swapped.context_key == pair.context_key
    assert pair.in_order("AB") == pair
    assert pair.in_order("BA") == swapped


@given(PAIRS)
def test_pair_round_trips_through_json(pair):
    assert PreferencePair.model_validate_json(pair.model_dump_json()) == pair


@given(st.lists(st.text(max_size=4)), st.lists(st.text(max_size=4)))
def test_keys_are_equal_only_for_equal_parts(one, other):
    assert (content_key(one) == content_key(other)) == (one == other)


def test_only_two_responses_can_be_swapped():
    pair = PreferencePair(id="p", responses=("x", "y", "z"), label="C")
    assert pair.choices == ("A", "B", "C", "tie")
    with pytest.raises(ValueError, match="'p' has 3 responses"):
        pair.swap()


@pytest.mark.parametrize("label", ["C", "a", "", "A>B"])
def test_a_label_must_name_a_response(label):
    with pytest.raises(ValidationError, match="is none of A, B, tie"):
        PreferencePair(id="p", responses=("x", "y"), label=label)
    with pytest.raises(ValidationError, match="is none of A, B, tie"):
        PreferencePair(id="p", responses=("x", "y"), votes=(Vote(annotator="w", choice=label),))


def test_content_key_changes_with_texts():
    pair = PreferencePair(id="p", responses=("x", "y"))
    before = pair.content_key
    assert pair.swap().content_key != before
    assert pair.swap().swap().content_key == before
    assert pair.model_copy(update={"id": "q", "label": "A"}).content_key == before


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        PreferencePair(id="p", responses=("x", "y"), labels="A")


def test_without_annotator_keeps_the_others():
    votes = tuple(Vote(annotator=a, choice="A") for a in "uvw")
    rationales = (*(Rationale(text="t", annotator=a) for a in "uv"), Rationale(text="nobody's"))
    pair = PreferencePair(id="p", responses=("x", "y"), label="A", votes=votes, rationales=rationales)
    left = pair.without_annotator("u")
    assert (left.votes, left.rationales, left.label) == (votes[1:], rationales[1:], "A")


def test_a_judgment_has_a_verdict_or_a_failure():
    with pytest.raises(ValidationError, match="either a verdict or a failure"):
        Judgment(pair_id="p", pair_key="k", judge="j", made_by="j")
    with pytest.raises(ValidationError, match="either a verdict or a failure"):
        Judgment(pair_id="p", pair_key="k", judge="j", made_by="j", verdict="A", failure="refused")


def test_only_provider_failures_are_retried():
    kinds = ("unparsed", "refused", "truncated", "provider")
    assert [Judgment(pair_id="p", pair_key="k", judge="j", made_by="j", failure=k).retry for k in kinds] == [
        False,
        False,
        False,
        True,
    ]


def test_usage_adds():
    both = Usage(input_tokens=1, output_tokens=2) + Usage(input_tokens=3, output_tokens=4)
    assert both == Usage(input_tokens=4, output_tokens=6)


def _choices(pair):
    return [vote.choice for vote in pair.votes]
