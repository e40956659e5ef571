import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.inference.bounds import estimate_usage, worst_usage
from rightly.inference.generator import Request
from rightly.types import Message, Usage


def ask(*texts, **options):
    return Request(messages=tuple(Message(role="user", content=text) for text in texts), **options)


def test_estimate_usage_from_characters_and_assumed_answer_length():
    requests = [ask("x" * 400), ask("x" * 400, max_tokens=10)]
    assert estimate_usage(requests, output_tokens=300) == Usage(input_tokens=200, output_tokens=310)


def test_worst_usage_is_bytes_plus_template_plus_max_tokens():
    assert worst_usage(ask("abc", "é€", max_tokens=50)) == Usage(input_tokens=3 + 5 + 2 * 16 + 256, output_tokens=50)


def test_worst_usage_is_none_without_max_tokens():
    assert worst_usage(ask("abc")) is None


@given(st.text())
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_byte_bound_holds_for_normalised_text(form, text):
    found = worst_usage(ask(text, max_tokens=1))
    assert found is not None
    room = found.input_tokens - 256 - 16
    assert room >= len(text.encode("utf-8", "surrogatepass"))
    assert room >= len(unicodedata.normalize(form, text).encode("utf-8", "surrogatepass"))


def test_byte_bound_holds_for_letter_that_normalises_to_eighteen():
    found = worst_usage(ask("\ufdfa", max_tokens=1))
    assert found is not None
    assert found.input_tokens == 33 + 16 + 256
