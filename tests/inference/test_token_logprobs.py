import math

import pytest

from rightly.inference.token_logprobs import local_logprobs, served_logprobs
from tests.fake_endpoint import listed_logprobs

WORDS = ("A", "B", "tie")


def test_only_wanted_tokens_are_kept_with_their_places():
    listed = listed_logprobs(
        ["The", " better", " is", " A", ".", ' "', "B", '"', " tied", " tie"], {" A": {" B": -1.5}}
    )
    text = 'The better is A. "B" tied tie'
    found = served_logprobs(listed, text, WORDS)
    assert [(each.start, each.token) for each in found] == [(13, " A"), (18, "B"), (25, " tie")]
    assert [text[each.start : each.start + len(each.token)] for each in found] == [" A", "B", " tie"]
    assert found[0].alternatives == {" A": -0.25, " B": -1.5}


@pytest.mark.parametrize("token", ["A", " A", "[A", "A]", '"A"', "\u201cA\u201d", "{A}", "\nA", "(A)"])
def test_a_label_is_wanted_inside_quotes_and_brackets(token):
    assert [each.token for each in served_logprobs(listed_logprobs([token]), token, ("A",))] == [token]


@pytest.mark.parametrize("token", ["a", "AB", "A.", "A>B", "answer A"])
def test_other_tokens_are_not_wanted(token):
    assert served_logprobs(listed_logprobs([token]), token, ("A",)) == ()


def test_places_count_characters_when_tokens_split_a_character():
    crab = "🦀".encode()
    listed = listed_logprobs(["x", "?", "?", "A"])
    listed[1]["bytes"], listed[2]["bytes"] = list(crab[:3]), list(crab[3:])
    (found,) = served_logprobs(listed, "x🦀A", WORDS)
    assert found.start == 2


def test_places_count_characters_when_the_server_lists_no_bytes():
    listed = listed_logprobs(["é", " A"])
    for each in listed:
        each["bytes"] = None
    assert served_logprobs(listed, "é A", WORDS)[0].start == 1


def test_tokens_of_reasoning_and_of_end_markers_are_left_out():
    listed = listed_logprobs(["<think>", "A", "?", "</think>", " A", "<|end|>", "A"])
    (found,) = served_logprobs(listed, " A", WORDS)
    assert (found.start, found.token) == (0, " A")


def test_stripped_text_starts_within_its_first_token():
    (found,) = served_logprobs(listed_logprobs([" A", "\n"]), "A", WORDS)
    assert (found.start, found.token) == (0, " A")


@pytest.mark.parametrize(
    "listed",
    [
        None,
        [],
        3,
        [{}],
        [{"token": None}],
        [{"token": "A", "bytes": [999]}],
        ["A"],
        listed_logprobs(["other text", "A"]),
    ],
)
def test_a_malformed_list_gives_no_logprobs(listed):
    assert served_logprobs(listed, "text A", WORDS) == ()


def test_values_that_are_no_numbers_are_left_out():
    listed = listed_logprobs(["A"], {"A": {"B": -math.inf, "C": None, "D": -2.0}})
    assert served_logprobs(listed, "A", WORDS)[0].alternatives == {"A": -0.25, "D": -2.0}


def test_local_tokens_are_read_after_their_predecessors():
    """As with sentence-piece tokenizers, a token by itself loses the space before it."""
    pieces = {1: "is", 2: "▁A", 3: "▁B", 4: "A"}

    def decode(ids):
        return "".join(pieces[i] for i in ids).lstrip("▁").replace("▁", " ")

    (found,) = local_logprobs(decode, [1, 2], ("A",), lambda place: {2: -0.1 * place, 3: -2.0, 4: -3.0})
    assert (found.start, found.token) == (2, " A")
    assert found.alternatives == {" A": -0.1, " B": -2.0, "A": -3.0}
