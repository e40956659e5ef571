import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.inference.bounds import estimate_usage, worst_usage
from rightly.inference.generator import Request
from rightly.types import Message, Usage


def ask(*texts, **options):
    return Request(messages=tuple(Message(role="user", content=text) for text in texts), **options)


def test_an_estimate_counts_characters_and_guesses_answers():
    requests = [ask("x" * 400), ask("x" * 400, max_tokens=10)]
    assert estimate_usage(requests, output_tokens=300) == Usage(input_tokens=200, output_tokens=310)


def test_the_worst_case_is_a_token_a_byte_the_template_and_all_that_may_be_answered():
    assert worst_usage(ask("abc", "é€", max_tokens=50)) == Usage(input_tokens=3 + 5 + 2 * 16 + 256, output_tokens=50)


def test_a_request_without_a_limit_has_no_worst_case():
    assert worst_usage(ask("abc")) is None


@given(st.text())
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_no_text_has_more_bytes_than_the_bound_also_as_a_tokenizer_normalises_it(form, text):
    found = worst_usage(ask(text, max_tokens=1))
    assert found is not None
    room = found.input_tokens - 256 - 16
    assert room >= len(text.encode("utf-8", "surrogatepass"))
    assert room >= len(unicodedata.normalize(form, text).encode("utf-8", "surrogatepass"))


def test_one_letter_that_normalises_to_eighteen_is_bounded():
    found = worst_usage(ask("\ufdfa", max_tokens=1))
    assert found is not None
    assert found.input_tokens == 33 + 16 + 256
