"""Word overlap as a matcher."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.matchers.lexical import LexicalMatcher, content_words, overlap

WORDS = st.frozensets(st.sampled_from(["cite", "source", "date", "polite", "wrong", "short", "clear"]))


def links(reference, candidate):
    match = asyncio.run(LexicalMatcher().match(reference, candidate))
    assert match.failure is None
    return {(link.reference, link.candidate): link.score for link in match.links}


def test_equal_words_score_one_regardless_of_response_names():
    assert links(["Response 1 cites two sources."], ["A cites TWO sources"]) == {(0, 0): 1.0}


def test_the_score_is_the_f1_of_content_words():
    # {polite, clear, answer} and {polite, wrong}: one shared, 2 * 1 / (3 + 2).
    assert links(["polite and clear answer"], ["it was polite but wrong"]) == {(0, 0): 0.4}


def test_the_same_words_about_the_other_response_give_no_link():
    assert links(["Response 1 cites two sources"], ["Response 2 cites two sources", "It cites two sources"]) == {
        (0, 1): 1.0
    }


def test_names_of_responses_and_function_words_alone_give_no_link():
    assert links(["Response 1 is better"], ["Response 1 is wrong"]) == {}
    assert links(["It is the one", ""], ["This was it", "", "..."]) == {}


def test_chance_overlap_is_below_the_floor():
    others = " ".join(f"word{number}" for number in range(18))
    assert links([f"{others} shared"], ["shared"]) == {(0, 0): 0.1}  # 2 * 1 / (19 + 1)
    assert links([f"{others} another shared"], ["shared"]) == {}


def test_empty_lists_give_no_links():
    assert links([], ["a reason"]) == links(["a reason"], []) == {}


@pytest.mark.parametrize(
    "forms",
    ["source sources", "cite cites cited", "answer answers answered answering", "clear clearly", "process processes"],
)
def test_inflected_words_are_stemmed_to_one(forms):
    assert len({content_words(form) for form in forms.split()}) == 1


@pytest.mark.parametrize("words", ["string str", "thing th", "speed sp", "no", "not", "'quoted'", "naïve", "не"])
def test_content_words_keep_short_words_negations_and_other_scripts(words):
    assert len(content_words(words)) == len(words.split())
    assert content_words("'quoted'") == content_words("quoted")


@given(WORDS, WORDS)
def test_overlap_is_symmetric_and_one_only_for_equal_sets(one, other):
    score = overlap(one, other)
    assert score == overlap(other, one)
    assert 0 <= score <= 1
    assert (score == 1) == (one == other and bool(one))
    assert (score == 0) == (not one & other)
