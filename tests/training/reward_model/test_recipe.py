"""Reading recipes: defaults, changes from the command line, and one clear line for whatever does not fit."""

import json

import pytest
from click.testing import CliRunner

from rightly.cli.train import command
from rightly.errors import InputError
from rightly.training.common.arguments import training_arguments
from rightly.training.reward_model.recipe import ContrastiveTable, read_recipe

MINIMAL = 'output = "run"\n[model]\nname = "m"\n[data]\ntrain = ["p.jsonl"]\n'


def recipe_file(tmp_path, text=MINIMAL):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_recipe_changes_override_file_with_toml_values(tmp_path):
    changes = ["model.max_length=64", "trainer.learning_rate=1e-5", "model.name=org/name", 'data.train=["a", "b"]']
    recipe = read_recipe(recipe_file(tmp_path), changes)
    assert recipe.model.max_length == 64
    assert recipe.model.name == "org/name"
    assert recipe.trainer == {"learning_rate": 1e-5}
    assert recipe.data.train == ("a", "b")


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("output = ", [], "is not TOML"),
        (MINIMAL, ["learning_rate"], "'learning_rate' is not KEY=VALUE"),
        (MINIMAL, ["model.maxlength=3"], "model.maxlength: is not a key of a recipe"),
        (MINIMAL, ["model.max_length=3"], "model.max_length: Input should be greater than or equal to 8"),
        (MINIMAL, ["data.train=[]"], "data.train: Tuple should have at least 1 item"),
        (MINIMAL, ["loss.label_smoothing=0.5"], "loss.label_smoothing: Input should be less than 0.5"),
        (MINIMAL, ["contrastive.kind=simcse"], "contrastive needs dropout above 0"),
        (MINIMAL, ["output.x=1"], "output is not a table"),
        ('output = "run"', [], "model: Field required"),
    ],
)
def test_invalid_recipe_value_is_named(tmp_path, text, changes, said):
    with pytest.raises(InputError) as failure:
        read_recipe(recipe_file(tmp_path, text), changes)
    assert said in str(failure.value)
    assert "\n" not in str(failure.value)


def test_missing_recipe_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("kind", "features", "coefficient", "clusters"),
    [("simcse", "response", 1.0, 50), ("swav", "response", 0.1, 50), ("swav", "difference", 0.5, 20)],
)
def test_contrastive_defaults_are_the_papers(kind, features, coefficient, clusters):
    table = ContrastiveTable(kind=kind, features=features)
    assert (table.coefficient, table.clusters) == (coefficient, clusters)
    assert ContrastiveTable(kind=kind, features=features, beta=0.0, prototypes=7).coefficient == 0
    assert ContrastiveTable(kind=kind, features=features, prototypes=7).clusters == 7


@pytest.mark.parametrize(("metric", "greater"), [("eval_dev_accuracy", True), ("eval_dev_nll", False)])
def test_best_checkpoint_minimises_loss_or_maximises_accuracy(metric, greater):
    arguments = training_arguments("run", {"metric_for_best_model": metric, "use_cpu": True})
    assert arguments.greater_is_better is greater


def test_unknown_trainer_argument_gives_one_line_error():
    with pytest.raises(InputError, match=r"\[trainer\]: no argument 'learning_rat'"):
        training_arguments("run", {"learning_rat": 1})


def test_train_rm_command_reports_result(recipe_table, tmp_path):
    import tomllib

    recipe_table["trainer"]["max_steps"] = 2
    text = "".join(
        f"{key} = {json.dumps(value)}\n" if not isinstance(value, dict) else "" for key, value in recipe_table.items()
    )
    for name in ("model", "trainer"):
        text += f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in recipe_table[name].items())
    data = recipe_table["data"]
    text += f"[data]\ntrain = {json.dumps(data['train'])}\neval = {{ dev = {json.dumps(data['eval']['dev'])} }}\n"
    assert tomllib.loads(text) == recipe_table
    done = CliRunner().invoke(command, ["rm", str(recipe_file(tmp_path, text)), "--set", "trainer.max_steps=1"])
    assert done.exit_code == 0, done.output
    assert "train: 40 of 40 pairs used" in done.output
    assert "dev" in done.output
    assert (tmp_path / "run" / "README.md").exists()
    assert json.loads((tmp_path / "run" / "training_summary.json").read_text())["steps"] == 1
