"""Equal token sequences get equal rewards, to the last bit, wherever they stand; and a pair without a difference is said."""

import itertools
import json
import re

import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rightly.cli import score
from rightly.reward_models.fast.batches import plan_batches
from rightly.reward_models.fast.packing import TokenGroup, group_sequences
from rightly.reward_models.features import frozen_features
from rightly.reward_models.margins import score_run
from rightly.reward_models.model import RewardModel
from rightly.types import Message, PreferencePair
from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

few_tokens = st.lists(st.integers(1, 2), min_size=1, max_size=12).map(tuple)


def pair(number, *responses, context="this is a question", label="A"):
    asked = (Message(role="user", content=context),)
    return PreferencePair(id=f"p{number}", context=asked, responses=responses, label=label)


@pytest.fixture
def model(tiny_model):  # noqa: F811
    loaded = RewardModel.load(tiny_model, new_head=True, max_length=32)
    torch.nn.init.normal_(loaded.model.score.weight, generator=torch.Generator().manual_seed(0))
    return loaded


@given(
    st.lists(st.lists(few_tokens, min_size=1, max_size=5), min_size=1, max_size=6), st.integers(1, 60), st.booleans()
)
def test_every_distinct_sequence_is_computed_once_and_answers_all_its_places(many, budget, packed):
    groups = [group_sequences(each) for each in many]
    plan = list(plan_batches(groups, budget, packed=packed, pad_id=0))

    answered = [slots for rows, _ in plan for slots in rows]
    computed = sum(len(batch["spans"]) if packed else len(batch["input_ids"]) for _, batch in plan)
    assert computed == len(answered) == len({ids for each in many for ids in each})
    for slots in answered:
        assert len({many[group][branch] for group, branch in slots}) == 1
    assert sorted(itertools.chain(*answered)) == [(g, i) for g, each in enumerate(many) for i in range(len(each))]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("budget", [20, 64, 4096])
def test_equal_sequences_have_equal_rewards_in_any_group_and_batch(model, packed, budget):
    draw = torch.Generator().manual_seed(1)
    texts = [tuple(torch.randint(3, 20, (n,), generator=draw).tolist()) for n in (9, 11, 14, 17, 19)]
    prompt = texts[0]
    groups = [
        TokenGroup(prompt, (texts[1], texts[2], texts[1], texts[3])),
        TokenGroup((), (prompt + texts[1], texts[4])),
        group_sequences([prompt + texts[3], prompt + texts[1]]),
        TokenGroup(prompt[:8], (prompt[8:] + texts[3], prompt[8:] + texts[3])),
    ]
    rewards = model.score_groups(groups, budget, packed=packed)

    found = {}
    for group, own in zip(groups, rewards, strict=True):
        for ids, reward in zip(group.sequences(), own, strict=True):
            found.setdefault(ids, set()).add(reward)
    assert [len(values) for values in found.values()] == [1] * 4
    assert len(set.union(*found.values())) == 4


def test_responses_that_are_equal_up_to_the_limit_have_a_margin_of_exactly_0(model):
    same = "good bad fine poor " * 20
    pairs = [pair(0, "is good", "is good"), pair(1, same + "good", same + "bad bad"), pair(2, "is good", "is bad")]

    scored = list(model.score(pairs))

    assert [each.rewards[0] - each.rewards[1] == 0 for each in scored] == [True, True, False]
    assert [each.same_as for each in scored] == [(0, 0), (0, 0), (0, 1)]
    assert [each.no_difference for each in scored] == [True, True, False]
    assert scored[1].truncated[0] > 0


def test_one_different_response_is_a_difference(model):
    [scored] = model.score([pair(0, "is good", "is bad", "is good", label="B")])
    assert (scored.same_as, scored.no_difference) == ((0, 1, 0), False)


def test_features_of_equal_sequences_are_equal(model):
    pairs = [pair(n, *["is good " * (n + 1)] * 3) for n in range(6)]
    for rows in frozen_features(model, pairs, tokens_per_batch=50):
        assert (rows == rows[0]).all()


def test_a_head_of_equal_features_gives_a_margin_of_exactly_0():
    import numpy as np

    from rightly.training.ensemble.heads import HeadEnsemble

    random = np.random.default_rng(0)
    features = [random.normal(size=(5, 37)).astype(np.float32) for _ in range(40)]
    for rows in features[::4]:
        rows[:] = rows[2]
    margins = HeadEnsemble(7).margins(features, [n % 5 for n in range(40)], np.arange(40), None)
    assert (margins[:, ::4] == 0).all()
    assert (margins[:, 1::4] != 0).all()


def test_pairs_without_a_difference_are_in_the_table_and_in_no_accuracy(model, tmp_path):
    pairs = [pair(0, "is good", "is good"), pair(1, "is good", "is bad"), pair(2, "bad", "bad", label="B")]
    found = score_run(
        tmp_path, lambda: iter(pairs), {"m": "digest"}, lambda _: model, identity={}, tokens_per_batch=512
    )["m"]

    rows = pq.read_table(tmp_path / "margins.parquet").to_pylist()
    assert [row["no_difference/m"] for row in rows] == [True, False, True]
    assert [row["margin/m"] == 0 for row in rows] == [True, False, True]
    assert found.no_difference == 2
    assert found.metrics is not None
    assert (found.metrics.n, found.metrics.ties) == (1, 0)


def test_a_file_without_any_difference_has_no_accuracy(model, tmp_path):
    pairs = [pair(n, "is good", "is good") for n in range(4)]
    found = score_run(
        tmp_path, lambda: iter(pairs), {"m": "digest"}, lambda _: model, identity={}, tokens_per_batch=512
    )["m"]
    assert (found.no_difference, found.metrics) == (4, None)


def test_the_verb_says_how_many(model, tmp_path):
    model.save(tmp_path / "model")
    rows = [{"prompt": "this", "chosen": f"is {word}", "rejected": "is good"} for word in ("good", "bad", "fine")]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = [str(tmp_path / "pairs.jsonl"), "--model", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(score.command, arguments)
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert re.search(r"pairs without a difference to .*: 1 \(the same tokens", told)
    assert re.search(r" 2 +\d\.\d{3} ", result.stdout)


def test_the_length_of_the_other_is_that_of_the_best_other(model, tmp_path, monkeypatch):
    """Of three responses the margin is to the better of the two others, so the surplus in length is too."""
    texts = ("is good", "is", "is good good good good good")
    rewards = dict(zip(texts, (1.0, 0.0, 0.5), strict=True))
    real = model.score

    def score(pairs, **options):
        return (
            each._replace(rewards=tuple(rewards[text] for text in each.pair.responses))
            for each in real(pairs, **options)
        )

    monkeypatch.setattr(model, "score", score)
    pairs = [pair(0, *texts), pair(1, *texts[::-1], label="C")]
    found = score_run(
        tmp_path, lambda: iter(pairs), {"m": "digest"}, lambda _: model, identity={}, tokens_per_batch=512
    )["m"]
    assert [(part.name, part.n) for part in found.metrics.by_length] == [("shorter", 2)]
