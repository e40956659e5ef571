"""Pairs that a model cannot tell apart are left out of training and evaluation, counted and said; and what is not finite."""

import json

import pytest
import torch
from click.testing import CliRunner

from rightly.cli import train
from rightly.errors import InputError, PairError
from rightly.reward_models.model import RewardModel
from rightly.training.reward_model.data import prepare_pairs
from rightly.training.reward_model.evaluation import preference_metrics
from rightly.training.reward_model.recipe import LossTable, parse_recipe
from rightly.training.reward_model.run import train_reward_model
from rightly.types import Message, PreferencePair
from tests.training.conftest import write_pairs
from tests.training.reward_model.test_trainer import trainer_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the Trainer's own, on every CPU run

ASKED = (Message(role="user", content="this"),)
LONG = "good bad fine poor " * 40


def add_rows(path, *rows):
    with open(path, "a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def identical(name):
    return {"id": name, "prompt": "this", "chosen": "is good", "rejected": "is good"}


def late(name):
    """A difference behind the 64 tokens that the recipe allows."""
    return {"id": name, "prompt": "this", "chosen": LONG + "right", "rejected": LONG + "wrong wrong"}


def test_pairs_without_difference_are_excluded_and_counted(tiny_model):
    model = RewardModel.load(tiny_model, new_head=True, max_length=64)
    rows = [
        PreferencePair(id="same", context=ASKED, responses=("is good", "is good"), label="A"),
        PreferencePair(id="late", context=ASKED, responses=(LONG + "right", LONG + "wrong wrong"), label="B"),
        PreferencePair(id="tie", context=ASKED, responses=("is good", "is good"), label="tie"),
        PreferencePair(id="three", context=ASKED, responses=("is good", "is good", "is bad"), label="A"),
        PreferencePair(id="two", context=ASKED, responses=("is good", "is bad"), label="A"),
    ]
    kept, counts = prepare_pairs(rows, model, LossTable(), ties="half")
    assert [pair.id for pair in kept] == ["three", "two"]
    assert (counts.read, counts.used, counts.no_difference, counts.truncated, counts.ties) == (5, 2, 3, 0, 0)


def test_error_explains_why_no_pair_remains(tiny_model):
    model = RewardModel.load(tiny_model, new_head=True, max_length=64)
    row = PreferencePair(id="late", context=ASKED, responses=(LONG + "right", LONG + "wrong wrong"), label="B")
    with pytest.raises(
        InputError, match=r"f.jsonl: no usable training pair among 1: .* 1 without a difference"
    ) as raised:
        prepare_pairs([row], model, LossTable(), where="f.jsonl")
    assert "64" in raised.value.fix


def test_train_rm_reports_pairs_without_difference_in_log_summary_and_card(recipe_table, tmp_path):
    add_rows(recipe_table["data"]["train"][0], identical("same"), late("late"))
    add_rows(recipe_table["data"]["eval"]["dev"], identical("same"))
    recipe = tmp_path / "recipe.toml"
    data = recipe_table["data"]
    tables = {"model": recipe_table["model"], "data": {"train": data["train"]}, "data.eval": data["eval"]}
    tables["trainer"] = recipe_table["trainer"]
    lines = [f"output = {json.dumps(recipe_table['output'])}"]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    recipe.write_text("\n".join(lines))

    result = CliRunner().invoke(train.command, ["rm", str(recipe)])
    assert result.exit_code == 0, result.output

    assert "40 of 42 pairs used" in " ".join(result.output.split())
    assert "2 without a difference left out" in " ".join(result.output.split())
    summary = json.loads((tmp_path / "run" / "training_summary.json").read_text())
    assert summary["counts"]["train"]["no_difference"] == 2
    assert summary["counts"]["dev"]["no_difference"] == 1
    assert summary["results"]["dev"]["n"] == 34
    card = (tmp_path / "run" / "README.md").read_text()
    assert "no difference, left out" in card
    assert "| train | 42 | 40 | 0 | 0 | 2 |" in card


def three_way(trainer, rewards):
    """Make the trainer's model give the branches of its pairs these rewards."""
    of = {
        sequence: reward
        for pair, own in zip(trainer.train_dataset, rewards, strict=True)
        for sequence, reward in zip(pair.group.sequences(), own, strict=True)
    }

    def forward(input_ids, attention_mask, last):
        rows = zip(input_ids.tolist(), attention_mask.sum(1).tolist(), strict=True)
        logits = torch.tensor([[of[tuple(row[:length])]] for row, length in rows])
        return type("Out", (), {"logits": logits})

    trainer.model.forward = forward
    trainer.reward_model.unpacked = "for the test"


TEXTS = ("is good", "is", "is good good good good good")


def test_evaluation_length_is_that_of_the_best_other_response(recipe_table, tmp_path):
    """Two groups of three: the best other is the long one, whatever its place."""
    rows = [
        PreferencePair(id="1", context=ASKED, responses=TEXTS, label="A"),
        PreferencePair(id="2", context=ASKED, responses=(TEXTS[2], TEXTS[1], "is fine"), label="C"),
    ]
    trainer = trainer_of(recipe_table, tmp_path, rows)
    three_way(trainer, [(1.0, 0.0, 0.5), (1.0, 0.5, 0.0)])
    assert trainer.rewards_of(trainer.train_dataset) == [[1.0, 0.0, 0.5], [1.0, 0.5, 0.0]]
    found = preference_metrics(trainer.train_dataset, trainer.rewards_of(trainer.train_dataset), "it")
    assert [(part.name, part.n) for part in found.by_length] == [("shorter", 2)]


def test_logged_accuracy_is_against_best_other_and_ignores_rounding_noise(recipe_table, tmp_path):
    rows = [
        PreferencePair(id="1", context=ASKED, responses=TEXTS, label="A"),
        PreferencePair(id="2", context=ASKED, responses=("is good", "is bad"), label="A"),
        PreferencePair(id="3", context=ASKED, responses=("good", "bad"), label="A"),
    ]
    trainer = trainer_of(recipe_table, tmp_path, rows)
    batch = trainer.data_collator(trainer.train_dataset)
    from rightly.training.reward_model.collate import split_terms

    terms = split_terms(batch)[1]
    trainer._watch(torch.tensor([1.0, 0.0, 2.0, 1.0, 1.0 - 1e-6, 3.0, 1.0]), terms)
    seen = {name: float(value) for name, value in trainer._seen.items()}
    assert seen["pairs"] == 3
    assert seen["accuracy"] == 1  # only the last: the first group's best other wins, the second is a tie
    assert seen["margin"] == pytest.approx(-1 + 0 + 2, abs=1e-5)


def test_diverged_run_names_the_pair(recipe_table, tmp_path):
    trainer = trainer_of(recipe_table, tmp_path)
    torch.nn.init.constant_(trainer.reward_model.model.score.weight, float("nan"))
    with pytest.raises(PairError, match=r"pair '0': .* the reward nan") as raised:
        trainer.evaluate()
    assert "rightly doctor" in raised.value.fix
    assert "learning_rate" in raised.value.fix


def test_row_rejected_by_template_is_named_by_file_and_row(recipe_table, tmp_path, tiny_model):
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "strict")
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{{ m.content }}<end>{% endfor %}"
    )
    recipe_table["model"]["name"] = str(folder)
    more = write_pairs(tmp_path / "more.jsonl", 3)
    system = [{"role": "system", "content": "this"}, {"role": "user", "content": "this"}]
    add_rows(more, {"prompt": system, "chosen": "is good", "rejected": "is bad"})
    recipe_table["data"]["train"].append(str(more))
    with pytest.raises(InputError, match=r"more.jsonl:4: pair .*strict.* rejects.*System role not supported"):
        train_reward_model(parse_recipe(recipe_table))
