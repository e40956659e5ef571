import pytest

from rightly.training.matcher.negation_augmentation import ANTONYMS, negations


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("A does not cite a source", "A does cite a source"),
        ("A cites a source without a date", "A cites a source with a date"),
        ("Whales can not fly", "Whales can fly"),
        ("Response B includes the deadline", "Response B omits the deadline"),
        ("B is relevant", "B is irrelevant"),
        ("B is relevant", "B is not relevant"),
        ("it isn’t true", "it is true"),
    ],
)
def test_opposites_by_rule(text, opposite):
    assert opposite in negations(text)


def test_where_no_rule_applies_there_is_none():
    assert negations("points out laziness") == []


def test_an_opposite_is_never_the_text_itself_nor_given_twice():
    for text in ("no evidence is not no evidence", "more or less", "all is not well"):
        found = negations(text)
        assert text not in found
        assert len(found) == len(set(found))


def test_antonyms_go_both_ways():
    assert all(word in ANTONYMS[other] for word, others in ANTONYMS.items() for other in others)
