"""The synthetic world: labels follow from the points, style says only what it is told to, everything can be read back."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.judges.format import format_with_prompt
from rightly.judges.parsing import parse_answer
from rightly.synthetic.annotator import annotate
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import CORRELATIONS, CUES, draw_pairs, exchange_style, read_point, read_stance
from rightly.synthetic.tiny_model import PROMPT, new_model, new_tokenizer, words
from rightly.types import Rationale

WORDS = ["A", "B", "C", "omits", "lacks", "explains", "weak", "fine", "age", "cite", "and"]


def cues(response):
    return sum(word in CUES for word in response.split())


@pytest.fixture(scope="module")
def pairs():
    return list(draw_pairs(600, seed=3, correlation=0.75))


def test_draw_pairs_is_reproducible_by_seed(pairs):
    assert list(draw_pairs(5, seed=3, correlation=0.75)) == pairs[:5]
    assert not {p.content_key for p in draw_pairs(600, seed=4, correlation=0.75)} & {p.content_key for p in pairs}


def test_the_label_is_the_balance_of_the_points(pairs):
    for pair in pairs:
        balance = sum(r.importance * (1 if r.favors == "A" else -1) for r in pair.rationales)
        assert balance != 0
        assert pair.label == ("A" if balance > 0 else "B")


def test_points_are_ordered_by_weight_and_say_whom_they_favor(pairs):
    for pair in pairs:
        weights = [r.importance for r in pair.rationales]
        assert weights == sorted(weights, reverse=True)
        assert all(read_stance(r) == (r.favors, r.importance) for r in pair.rationales)


@pytest.mark.parametrize(("split", "share"), CORRELATIONS.items())
def test_styled_answer_is_better_with_given_correlation(split, share):
    told = [
        (cues(p.responses[0]) > cues(p.responses[1])) == (p.label == "A")
        for p in draw_pairs(1500, seed=8, correlation=share)
        if cues(p.responses[0]) != cues(p.responses[1])
    ]
    assert sum(told) / len(told) == pytest.approx(share, abs=0.04)


def test_exchange_style_is_an_involution_and_changes_only_style(pairs):
    for pair in pairs:
        other = exchange_style(pair)
        assert exchange_style(other) == pair
        worn = [{word for word in r.split() if word in CUES} for r in pair.responses]
        assert [{word for word in r.split() if word in CUES} for r in other.responses] == worn[::-1]
        plain = [[word for word in r.split() if word not in CUES] for r in pair.responses]
        assert [[word for word in r.split() if word not in CUES] for r in other.responses] == plain


def test_swapping_renames_the_points(pairs):
    for pair in pairs:
        for mine, theirs in zip(pair.rationales, pair.swap().rationales, strict=True):
            point, other = read_point(mine.text), read_point(theirs.text)
            assert (point.side, point.what, point.of) == ("B" if other.side == "A" else "A", other.what, other.of)
            assert read_stance(theirs)[0] == theirs.favors


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("A lacks age", "A omits age"),
        ("B garbles color", "B misstates color"),
        ("B reasons", "B explains"),
        ("A skips cite", "A forgets cite"),
        ("A weak", None),
        ("A omits", None),
        ("A omits cite", None),
        ("A explains age", None),
        ("C omits age", None),
        ("A omits age and pet", None),
        ("", None),
    ],
)
def test_read_point_reads_sentences(text, point):
    assert (None if read_point(text) is None else str(read_point(text))) == point


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)))
def test_any_text_is_a_point_a_vague_verdict_or_nothing(text):
    point, (side, weight) = read_point(text), read_stance(Rationale(text=text))
    assert point is None or read_point(str(point)) == point
    assert (side is None) == (weight == 0)
    assert (point is not None) <= (side is not None)


def test_reviews_matcher_links_only_synonyms():
    found = asyncio.run(ReviewsMatcher().match(["A omits age", "B warns"], ["B omits age", "A lacks age", "A weak"]))
    assert [(link.reference, link.candidate, link.score) for link in found.links] == [(0, 1, 1.0)]


def test_annotator_sees_given_share_and_verdict_mostly_follows(pairs):
    chance, seen, right = random.Random(0), [], 0
    for pair in pairs:
        reasons, verdict = annotate(pair, chance, sees=0.65)
        true = {read_point(r.text) for r in pair.rationales}
        seen.append(len({read_point(r.text) for r in reasons} & true) / len(true))
        right += verdict == pair.label
    assert sum(seen) / len(seen) == pytest.approx(0.65 * 0.88, abs=0.05)  # some of what is seen is said vaguely
    assert 0.65 < right / len(pairs) < 0.85


def test_new_tokenizer_round_trips_every_word_of_the_world(pairs):
    tokenizer = new_tokenizer()
    assert len(tokenizer) == len(words()) + 3
    for pair in pairs[:50]:
        chat = [m.model_dump() for m in format_with_prompt(PROMPT).prompt(pair, 0)]
        answer = "\n".join([*(f"- {r.text}" for r in pair.rationales), f"[[{pair.label}]]"])
        prompt = tokenizer.apply_chat_template(chat, tokenize=True)["input_ids"]
        whole = tokenizer.apply_chat_template([*chat, {"role": "assistant", "content": answer}])["input_ids"]
        assert whole[: len(prompt)] == prompt
        assert tokenizer.unk_token_id not in whole
        parsed = parse_answer(tokenizer.decode(whole[len(prompt) : -1]))
        assert [r.text for r in parsed.rationales] == [r.text for r in pair.rationales]
        assert parsed.verdict == pair.label


def test_new_model_is_seeded_without_changing_global_rng():
    import torch

    tokenizer = new_tokenizer()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = new_model(tokenizer, seed=5), new_model(tokenizer, seed=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.lm_head.weight, second.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, new_model(tokenizer, seed=6).lm_head.weight)
