import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.reward_models.fast.batches import plan_batches
from rightly.reward_models.fast.packing import (
    MIN_SHARED,
    TokenGroup,
    by_token_budget,
    group_sequences,
    pack,
    split_group,
)

sequences = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=30), min_size=1, max_size=5)


@given(sequences)
def test_grouping_loses_no_token(given_sequences):
    group = group_sequences(given_sequences)

    assert group.sequences() == [tuple(s) for s in given_sequences]
    assert all(group.branches)
    assert not 0 < len(group.prefix) < MIN_SHARED


def test_the_prefix_is_the_longest_that_leaves_every_response_a_token():
    prompt = list(range(10, 30))

    assert len(group_sequences([[*prompt, 1, 2], [*prompt, 1, 3]]).prefix) == 21
    assert len(group_sequences([[*prompt, 1], [*prompt, 1]]).prefix) == 20  # equal sequences
    assert len(group_sequences([prompt, [*prompt, 1]]).prefix) == 19  # one is the start of the other


def test_a_short_common_prefix_is_not_shared():
    assert group_sequences([[1] * (MIN_SHARED - 1) + [2], [1] * (MIN_SHARED - 1) + [3]]).prefix == ()


@pytest.mark.parametrize("bad", [[], [[1], []]])
def test_a_response_without_tokens_is_refused(bad):
    with pytest.raises(ValueError, match="at least one token"):
        group_sequences(bad)


def test_pack_layout_of_one_row():
    prompt = tuple(range(100, 108))
    row = pack([TokenGroup(prompt, ((1, 2), (3,))), TokenGroup((), ((7, 8),))])

    assert row.input_ids.tolist() == [[*prompt, 1, 2, 3, 7, 8]]
    assert row.position_ids.tolist() == [[*range(8), 8, 9, 8, 0, 1]]
    assert row.spans.tolist() == [[0, 8, 8, 10], [0, 8, 10, 11], [11, 11, 11, 13]]


@given(st.lists(sequences, min_size=1, max_size=8), st.integers(1, 80), st.booleans())
def test_every_response_is_planned_once_within_the_budget(many, budget, packed):
    groups = [group_sequences(each) for each in many]
    seen = {}
    for answered, batch in plan_batches(groups, budget, packed=packed, pad_id=0):
        computed = batch["input_ids"].numel()
        assert computed <= budget or len(answered) == 1 or (packed and len({slots[0][0] for slots in answered}) == 1)
        if packed:
            ends = [
                batch["input_ids"][0, a:b].tolist() + batch["input_ids"][0, c:d].tolist()
                for a, b, c, d in batch["spans"].tolist()
            ]
        else:
            rows = zip(batch["input_ids"], batch["attention_mask"].sum(1), strict=True)
            ends = [row[:length].tolist() for row, length in rows]
        for slots, tokens in zip(answered, ends, strict=True):
            for slot in slots:
                assert slot not in seen
                seen[slot] = tokens

    assert seen == {(g, i): s for g, each in enumerate(many) for i, s in enumerate(each)}


def test_a_group_over_the_budget_is_split_and_repeats_its_prompt():
    group = TokenGroup(tuple(range(10)), tuple((1,) * 4 for _ in range(5)))

    parts = split_group(group, 20)

    assert [len(part.branches) for part in parts] == [2, 2, 1]
    assert all(part.prefix == group.prefix for part in parts)


def test_token_budget_batches_keep_order():
    groups = [TokenGroup((), ((1,) * size,)) for size in (5, 4, 30, 1)]

    batches = [[group.tokens for group in batch] for batch in by_token_budget(groups, 10)]

    assert batches == [[5, 4], [30], [1]]
