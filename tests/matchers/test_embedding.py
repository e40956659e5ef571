"""Sentence embeddings as a matcher: the matcher with a small encoder of our own, and once with the real weights."""

import asyncio
import sys

import numpy as np
import pytest

from rightly.errors import InputError, MissingExtraError
from rightly.matchers import bases, embedding
from rightly.matchers.embedding import FLOOR, EmbeddingMatcher


class LetterEncoder:
    """A text is the direction of its counts of letters; remembers every batch."""

    def __init__(self):
        self.batches = []

    def encode(self, texts, *, normalize_embeddings, show_progress_bar):
        assert normalize_embeddings
        assert not show_progress_bar
        self.batches.append(list(texts))
        counts = np.array([[text.count(letter) for letter in "abcdxyzA"] for text in texts], dtype=float)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture
def encoder(monkeypatch):
    fake = LetterEncoder()
    monkeypatch.setattr(embedding, "_load", lambda path: fake)
    monkeypatch.setattr(embedding, "model_fingerprint", str)
    return fake


def links(matcher, reference, candidate):
    match = asyncio.run(matcher.match(reference, candidate))
    return {(link.reference, link.candidate): link.score for link in match.links}


def test_the_score_is_the_cosine_above_the_floor(encoder):
    found = links(EmbeddingMatcher("some/model"), ["ab"], ["ab", "aab", "abccc", "xyz"])
    # (1, 1) . (2, 1) / (sqrt 2 * sqrt 5) = .9487; (1, 1) . (1, 1, 3) / (sqrt 2 * sqrt 11) = .4264, below the floor.
    assert found == {(0, 0): 1.0, (0, 1): pytest.approx(0.9487)}
    assert FLOOR == 0.5


def test_response_names_are_not_embedded_but_gate_links(encoder):
    found = links(EmbeddingMatcher("some/model"), ["Response 1 xyz"], ["Response A xyz", "Response 2 xyz", "xyz"])
    assert found == {(0, 0): 1.0, (0, 2): 1.0}
    assert {text for batch in encoder.batches for text in batch} == {"xyz"}


def test_text_of_only_a_response_name_is_embedded_unchanged(encoder):
    links(EmbeddingMatcher("some/model"), ["A1"], ["Answer A"])
    assert sorted(encoder.batches[0]) == ["A1", "Answer A"]


def test_empty_lists_do_not_load_embedding_model(encoder):
    assert (
        links(EmbeddingMatcher("some/model"), [], ["xyz"]) == links(EmbeddingMatcher("some/model"), ["xyz"], []) == {}
    )
    assert encoder.batches == []


def test_texts_are_embedded_once_across_event_loops(encoder):
    matcher = EmbeddingMatcher("some/model")
    first = links(matcher, ["ab", "cd"], ["ab"])
    assert links(matcher, ["ab"], ["cd", "xyz"]) == {}
    asyncio.run(matcher.aclose())
    assert links(matcher, ["ab", "cd"], ["ab"]) == first
    assert [sorted(batch) for batch in encoder.batches] == [["ab", "cd"], ["xyz"]]


def test_concurrent_matches_are_embedded_in_one_batch(encoder):
    matcher = EmbeddingMatcher("some/model")
    points = ["a", "ab", "abc", "abcd", "x", "xy", "xyz"]

    async def together():
        return await asyncio.gather(*(matcher.match([point], points) for point in points))

    found = asyncio.run(together())
    assert len(encoder.batches) == 1
    apart = EmbeddingMatcher("some/model")
    assert found == [asyncio.run(apart.match([point], points)) for point in points]


def test_embedding_matcher_name_contains_model(encoder):
    assert EmbeddingMatcher().name == "embedding:all-MiniLM-L6-v2"
    assert EmbeddingMatcher("some/model").name == "embedding:some/model"
    assert EmbeddingMatcher().smoke_only


def test_cosine_with_filter_lacks_links_of_other_quantities_and_of_verdicts(encoder):
    point = "Response A xyz 3 and better"
    reasons = ["Response A xyz 3 a", "Response A xyz 4 a", "Response A and better", "Response B xyz 3 a"]
    assert links(EmbeddingMatcher("some/model"), [point], reasons).keys() == {(0, 0), (0, 1), (0, 2)}
    assert links(EmbeddingMatcher("some/model", filter="true"), [point], reasons).keys() == {(0, 0)}
    names = [EmbeddingMatcher("some/model", **options) for options in ({}, {"filter": "false"}, {"filter": "true"})]
    assert [each.name for each in names] == ["embedding:some/model"] * 2 + ["embedding:some/model?filter=true"]
    assert EmbeddingMatcher(filter="true").name == "embedding?filter=true"
    assert names[0].fingerprint == names[1].fingerprint != names[2].fingerprint
    with pytest.raises(InputError, match="filter=yes is unknown; write filter=true"):
        EmbeddingMatcher("some/model", filter="yes")


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr(bases, "find_spec", lambda name: None)
    monkeypatch.setattr(embedding, "model_fingerprint", str)
    with pytest.raises(MissingExtraError, match=r"pip install 'rightly\[embedded\]'"):
        EmbeddingMatcher()
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match="embedded"):
        links(EmbeddingMatcher("some/model"), ["a"], ["b"])


def test_a_path_without_a_model_is_an_error_of_one_line(tmp_path):
    pytest.importorskip("sentence_transformers")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        links(EmbeddingMatcher(str(tmp_path)), ["a"], ["b"])
    assert "\n" not in str(caught.value)


def test_packaged_embeddings_measure_topic_not_agreement():
    pytest.importorskip("sentence_transformers")
    point = "Response 1 supports its claims with sources"
    paraphrase, opposite = "A backs up what it says with references", "Response 1 supports its claims with no sources"
    other_side, elsewhere = "Response 2 supports its claims with sources", "A gets the date of the battle wrong"
    found = links(EmbeddingMatcher(), [point], [point, paraphrase, opposite, other_side, elsewhere])
    assert found[0, 0] == pytest.approx(1, abs=1e-3)
    assert (0, 3) not in found
    assert (0, 4) not in found
    assert found[0, 2] > found.get((0, 1), 0)  # why this matcher is for smoke runs only
