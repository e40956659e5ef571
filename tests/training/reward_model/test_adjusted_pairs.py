"""Strength in the loss: from a table, and from the run's own margins."""

import dataclasses

import numpy as np
import pytest
import torch

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.preferences.adjust import AdjustRule, adjust
from rightly.preferences.margins_table import write_scored
from rightly.preferences.strength_table import StrengthRule, diagnose_table, read_strength
from rightly.reward_models.model import RewardModel
from rightly.training.reward_model.adjusted_pairs import adjusted_pairs
from rightly.training.reward_model.collate import Collator, split_terms
from rightly.training.reward_model.data import prepare_pairs
from rightly.training.reward_model.objective import Terms
from rightly.training.reward_model.online_adjustment import FIRST, OnlineAdjustment
from rightly.training.reward_model.recipe import AdjustTable, LossTable, parse_recipe
from rightly.training.reward_model.run import train_reward_model
from tests.training.conftest import write_pairs


@pytest.fixture
def measured(tmp_path):
    pairs = list(load_pairs(write_pairs(tmp_path / "train.jsonl", 40)))
    margins = np.random.default_rng(0).normal(1, 1, 40)
    write_scored(tmp_path / "scored.parquet", pairs, margins[:, None].tolist(), ["m"])
    diagnose_table(tmp_path / "scored.parquet", tmp_path / "s.parquet", StrengthRule(AdjustRule()))
    return pairs, tmp_path / "s.parquet"


def test_adjusted_pairs_get_terms_of_their_strength_row(measured):
    pairs, path = measured
    table = read_strength(path)
    terms = adjust(table.strength, table.probability, AdjustRule(preset="flip+margin", suspects="quantile"))
    found = list(
        adjusted_pairs(reversed(pairs), AdjustTable(preset="flip+margin", suspects="quantile", strength=str(path)))
    )[::-1]
    assert [pair.target for pair in found] == terms.target.tolist()
    assert [pair.margin for pair in found] == terms.margin.tolist()
    assert sum(pair.target == 0 for pair in found) == 8
    dropped = list(adjusted_pairs(pairs, AdjustTable(preset="drop", suspects="quantile", strength=str(path))))
    assert len(dropped) == 32


def test_pair_with_own_target_keeps_it(measured):
    pairs, path = measured
    stated = [pair.model_copy(update={"target": 0.7}) for pair in pairs]
    assert list(adjusted_pairs(stated, AdjustTable(preset="drop", strength=str(path)))) == stated


def test_strength_of_other_data_set_is_refused(measured):
    pairs, path = measured
    table = AdjustTable(strength=str(path))
    other = pairs[3].model_copy(update={"id": "other"})
    with pytest.raises(InputError, match="has no strength of pair 'other'"):
        list(adjusted_pairs([other], table))
    turned = pairs[3].swap().model_copy(update={"responses": pairs[3].responses})
    with pytest.raises(InputError, match="another text or label of pair '3'"):
        list(adjusted_pairs([turned], table))


@pytest.mark.parametrize("table", [{}, {"strength": "x", "online": True}, {"online": True, "preset": "flip"}])
def test_adjust_needs_exactly_one_source_of_strength(table, recipe_table):
    with pytest.raises(InputError, match="adjust"):
        parse_recipe(recipe_table | {"adjust": table})


def batch(margins, target=None):
    rewards = torch.stack([margins, torch.zeros_like(margins)], dim=1).flatten()
    one = torch.ones(len(margins))
    return rewards, Terms(
        sizes=torch.full((len(margins),), 2),
        target=one if target is None else torch.tensor(target),
        margin=0 * one,
        weight=one,
        ranks=torch.zeros(2 * len(margins)),
        stated=torch.full((len(margins),), target is not None),
    )


def test_online_targets_follow_the_noise():
    random = np.random.default_rng(1)
    adjustment = OnlineAdjustment(cap=0.95)
    for step in range(60):
        sure = torch.tensor(random.exponential(3, 16) * np.where(random.random(16) < 0.25, -1, 1))
        terms = adjustment.adjust(*batch(sure))
        if 16 * step < FIRST:
            assert (terms.target == 1).all()
    assert adjustment.noise_rate == pytest.approx(0.25, abs=0.08)
    targets = adjustment.adjust(*batch(torch.tensor([50.0, 6.0, 0.0, -6.0], dtype=torch.float64))).target.tolist()
    assert targets == sorted(targets, reverse=True)
    assert targets[0] == pytest.approx(0.95)
    assert targets[2] == pytest.approx(1 - adjustment.noise_rate, abs=1e-6)
    assert targets[3] < 0.3


def test_online_adjustment_refuses_more_than_two_responses():
    rewards, terms = batch(torch.ones(2))
    with pytest.raises(ValueError, match="needs pairs"):
        OnlineAdjustment(0.9).adjust(rewards[:3], dataclasses.replace(terms, sizes=torch.tensor([3])))


def test_online_adjustment_keeps_ties_and_stated_targets_out_of_fit():
    random = np.random.default_rng(1)
    plain, mixed = OnlineAdjustment(cap=0.95), OnlineAdjustment(cap=0.95)
    for _ in range(60):
        sure = torch.tensor(random.exponential(3, 16) * np.where(random.random(16) < 0.25, -1, 1))
        plain.adjust(*batch(sure))
        mixed.adjust(*batch(sure))
        ties = torch.tensor(random.normal(0, 5, 16))
        assert mixed.adjust(*batch(ties, [0.5] * 16)).target.tolist() == [0.5] * 16
    assert mixed.noise_rate == plain.noise_rate > 0
    kept = mixed.adjust(*batch(torch.tensor([6.0, -6.0, 6.0]), [0.5, 0.5, 0.7])).target
    assert kept.tolist() == pytest.approx([0.5, 0.5, 0.7])


@pytest.mark.parametrize(
    ("changes", "stated"), [({}, False), ({"target": 0.7}, True), ({"target": 1.0}, True), ({"label": "tie"}, True)]
)
def test_loss_keeps_targets_of_ties_and_stated_targets(measured, tiny_model, changes, stated):
    pair = measured[0][0].model_copy(update=changes)
    model = RewardModel.load(tiny_model, dtype="float32", max_length=64)
    (prepared,), _ = prepare_pairs([pair], model, LossTable(), ties="half")
    assert prepared.stated is stated
    _, terms = split_terms(Collator(packed=False, pad_id=0)([prepared]))
    assert terms.stated.tolist() == [stated]


def test_interrupted_online_adjustment_gives_the_same_weights(recipe_table, tmp_path, monkeypatch):
    from rightly.training.reward_model import online_adjustment as online

    monkeypatch.setattr(online, "FIRST", 16)
    monkeypatch.setattr(online, "EVERY", 8)
    table = recipe_table | {"adjust": {"online": True}}
    table["trainer"] = table["trainer"] | {"max_steps": 8, "save_strategy": "steps", "save_steps": 4}
    whole = train_reward_model(parse_recipe(table | {"output": str(tmp_path / "whole")}))
    interrupted = table | {"output": str(tmp_path / "part")}
    train_reward_model(parse_recipe(interrupted))
    import shutil

    shutil.rmtree(tmp_path / "part" / "checkpoint-8")
    for file in (tmp_path / "part").glob("*.safetensors"):
        file.unlink()
    again = train_reward_model(parse_recipe(interrupted))
    files = [folder / "model.safetensors" for folder in (whole.folder, again.folder)]
    assert files[0].read_bytes() == files[1].read_bytes()
    plain = train_reward_model(parse_recipe({k: v for k, v in table.items() if k != "adjust"}))
    assert (plain.folder / "model.safetensors").read_bytes() != files[0].read_bytes()
