"""Word overlap as a matcher."""

import asyncio
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.errors import InputError
from rightly.matchers.lexical import LexicalMatcher, content_words, overlap, weighted_overlap

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


def test_words_that_every_text_has_count_least_in_the_weighted_overlap():
    points = ["the council plans a tram", "the council plans a pool"]
    bullets = ["council plans: a tram", "council plans: a school", "nothing of this"]
    found = weighted_overlap(points, bullets)
    assert found.shape == (2, 3)
    assert found[0, 0] == pytest.approx(1)
    assert found[0, 2] == 0
    # 5 texts, "council" and "plan" in 4 of them, every other word in one or two: log(6/4) against log(6/2) and log(6).
    common, tram, school = 2 * log(6 / 4), log(6 / 2), log(6)
    assert found[0, 1] == pytest.approx(2 * common / (common + tram + common + school))
    plain = overlap(content_words(points[0]), content_words(bullets[1]))
    assert found[0, 1] < plain


def test_the_weighted_overlap_of_empty_texts_and_lists():
    assert weighted_overlap(["the"], ["of"]).tolist() == [[0.0]]
    assert weighted_overlap([], ["x"]).shape == (0, 1)


def test_the_weighted_matcher_scores_by_both_lists_and_is_another_matcher():
    plain, weighted = LexicalMatcher(), LexicalMatcher(None, "true")
    points, bullets = (
        ["the council plans a tram", "the council plans a pool"],
        ["council plans: a tram", "council plans: a bus"],
    )
    found = asyncio.run(weighted.match(points, bullets)).links
    expected = weighted_overlap(points, bullets)
    assert {(x.reference, x.candidate): x.score for x in found} == {
        (i, j): pytest.approx(expected[i, j], abs=1e-4) for i in range(2) for j in range(2) if expected[i, j] >= 0.1
    }
    assert asyncio.run(plain.match(points, bullets)).links != found
    assert plain.fingerprint != weighted.fingerprint
    assert (plain.name, weighted.name) == ("lexical", "lexical?weighted=true")
    with pytest.raises(InputError, match="weighted=yes is unknown; write weighted=true"):
        LexicalMatcher(None, "yes")
