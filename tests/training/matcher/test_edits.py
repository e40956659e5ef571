"""Small edits by rule: which keep the point, which change it."""

import random

import pytest

from rightly.matchers.lexical import content_words, overlap
from rightly.matchers.response_filter import quantities
from rightly.training.matcher.edits import changed_detail, less_specific, light_edit

TEXT = "The answer shows that three of the 12 planets aren't big because they are gas"


def many(function, text, n=200):
    draw = random.Random(0)
    return {function(text, draw) for _ in range(n)}


def test_light_edits_keep_numbers_and_most_words():
    found = many(light_edit, TEXT)
    assert len(found) > 50
    for text in found:
        assert quantities(text) == {3.0, 12.0}
        assert overlap(content_words(text), content_words(TEXT)) > 0.5
        assert not any(word in text for word in (" are big", " no ", "never"))


def test_a_text_without_anything_to_edit_stays_itself():
    assert "x" in many(light_edit, "x")


def test_a_changed_detail_is_another_number_or_condition():
    found = many(changed_detail, "it lists 3 causes in all paragraphs before the end")
    assert {text for text in found if quantities(text) != {3.0}}
    assert "it lists 3 causes in most paragraphs before the end" in found
    assert "it lists 3 causes in all paragraphs after the end" in found
    assert "it lists 3 causes in all paragraphs before the end" not in found
    assert many(changed_detail, "four reasons") <= {f"{n} reasons" for n in
        "two three five six seven eight nine ten eleven twelve".split()}  # fmt: skip


def test_a_decimal_keeps_its_digits_and_a_version_is_left_alone():
    for text in many(changed_detail, "it costs 2.50 euros"):
        assert len(text.split()[2].partition(".")[2]) == 2
        assert text != "it costs 2.50 euros"
    assert many(changed_detail, "runs on 3.11.2") == {None}


def test_nothing_to_change_gives_none():
    assert many(changed_detail, "it is kind") == {None}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A cites a report of the WHO on malaria in 2019", {"A cites a report", "A cites a report of the WHO"}),
        ("it is kind to me", {None}),
        ("A is short", {None}),
        ("nothing in the long text is ever cited", {None}),
    ],
)
def test_the_less_specific_text_lacks_its_last_phrases(text, found):
    assert many(less_specific, text) == found
