"""The launch folder for verl: its data, its reward as verl would call it, its command."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from rightly.cli.train import command
from rightly.errors import InputError
from rightly.training.common.recipe import check_recipe, read_table
from rightly.training.judge.recipe import GenrmRecipe
from rightly.training.judge.verl_launch import verl_options, write_verl_launch
from tests.rewards.test_integrations import verl_calls
from tests.training.judge.test_data import pair, write

PAPER = Path(__file__).parents[3] / "recipes" / "genrm_paper.toml"


@pytest.fixture
def recipe(tmp_path):
    """The paper's recipe on eight pairs of its own."""
    table = read_table(PAPER)
    pairs = [pair(n, reasons=("Response A cites a source", 'it isn\'t "rude" — $HOME `x`')) for n in range(8)]
    table["data"] |= {
        "train": [write(tmp_path / "train.jsonl", pairs)],
        "held_out": [write(tmp_path / "test.jsonl", [pair(7).model_copy(update={"id": "t"})])],
    }
    table["audit"]["pairs"] = write(tmp_path / "audit.jsonl", [pair(6).model_copy(update={"id": "t"})])
    table["matcher"] = {"spec": "lexical", "accept_unfit": True}
    return check_recipe(GenrmRecipe, table, "test")


def test_verl_data_and_reward_function_fit_together(recipe, tmp_path):
    left = write_verl_launch(recipe, tmp_path / "launch")
    rows = pq.read_table(tmp_path / "launch" / "train.parquet").to_pylist()
    assert len(rows) == 6  # one pair is a test pair, one is watched
    assert left == ["loss_type", "lr_scheduler_type"]
    row = rows[0]
    truth = json.loads(row["reward_model"]["ground_truth"])
    assert row["prompt"][-1]["role"] == "user"
    right = "\n".join([*(f"- {point}" for point in truth["points"]), f"[[{truth['label']}]]"])
    wrong = right.replace(f"[[{truth['label']}]]", "[[tie]]")
    spec = tmp_path / "launch" / "reward.py"

    def called(text):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.rewards.test_integrations.TRUTH", row["reward_model"]["ground_truth"])
            patch.setenv("HOME", str(tmp_path))
            return verl_calls(spec, [text])["score"]

    assert called(right) == [1.0]
    assert called(wrong) == [0.0]


def test_trl_batch_sizes_are_converted_to_verl(recipe):
    options, _ = verl_options(recipe)
    assert options["data.train_batch_size"] == 256
    assert options["actor_rollout_ref.actor.ppo_mini_batch_size"] == 128
    assert options["actor_rollout_ref.rollout.n"] == 8
    assert options["actor_rollout_ref.actor.clip_ratio_low"] == 2e-4
    assert options["actor_rollout_ref.actor.clip_ratio_high"] == 2e-4
    assert options["actor_rollout_ref.actor.policy_loss.loss_mode"] == "gspo"
    assert options["data.max_response_length"] == 12288
    assert options["actor_rollout_ref.actor.optim.lr"] == 2e-6
    assert options["actor_rollout_ref.actor.use_kl_loss"] is False


def test_trl_beta_becomes_verl_kl_loss(recipe):
    options, _ = verl_options(recipe.model_copy(update={"grpo": {**recipe.grpo, "beta": 0.01}}))
    assert options["actor_rollout_ref.actor.use_kl_loss"] is True
    assert options["actor_rollout_ref.actor.kl_loss_coef"] == 0.01


def test_verl_command_is_one_line_of_overrides(recipe, tmp_path):
    write_verl_launch(recipe, tmp_path / "launch")
    script = tmp_path / "launch" / "run.sh"
    shown = script.read_text().replace("python -m verl", "printf '%s\\n' -m verl")
    (tmp_path / "launch" / "shown.sh").write_text(shown)
    done = subprocess.run(
        ["bash", str(tmp_path / "launch" / "shown.sh"), "trainer.logger=console"],
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert said[:2] == ["-m", "verl.trainer.main_ppo"]
    options = dict(line.split("=", 1) for line in said[2:])
    assert options["data.train_files"] == str(tmp_path / "launch" / "train.parquet")
    assert options["trainer.n_gpus_per_node"] == "8"
    assert options["trainer.logger"] == "console"
    assert options["data.filter_overlong_prompts"] == "True"
    assert not [word for line in said for word in shlex.split(line) if "$" in word]


HOSTILE = [
    "$(touch ran)",
    "`touch ran`",
    '"; touch ran; "',
    "'; touch ran; '",
    "a\ntouch ran\n",
    '"""\nopen("ran", "w")\n"""',
    "${HOME} $HERE !! \\",
    "a b\t*?[x]{y}%s",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_recipe_values_are_quoted_in_launch_script(recipe, tmp_path, text):
    folder = tmp_path / f"launch {text.replace('/', '')} here"
    matcher = recipe.matcher.model_copy(update={"spec": f"openai:{text}"})
    grpo = {**recipe.grpo, "learning_rate": text}
    model = recipe.model.model_copy(update={"name": text})
    write_verl_launch(
        recipe.model_copy(update={"output": text, "model": model, "matcher": matcher, "grpo": grpo}), folder
    )
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    (stubs / "python").write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    (stubs / "python").chmod(0o755)
    empty = tmp_path / "empty"
    empty.mkdir()
    subprocess.run(["bash", "-n", str(folder / "run.sh")], check=True)
    environment = {"PATH": f"{stubs}:/usr/bin:/bin", "NODES": "2"}
    done = subprocess.run(
        ["bash", str(folder / "run.sh"), text], cwd=empty, env=environment, capture_output=True, text=True, check=True
    )
    module, main, *given, last = done.stdout.removesuffix("\0").split("\0")
    options = dict(argument.split("=", 1) for argument in given)
    assert (module, main, last) == ("-m", "verl.trainer.main_ppo", text)
    assert options["actor_rollout_ref.model.path"] == options["trainer.default_local_dir"] == text
    assert options["actor_rollout_ref.actor.optim.lr"] == text
    assert options["data.train_files"] == f"{folder}/train.parquet"
    assert options["reward.custom_reward_function.path"] == f"{folder}/reward.py"
    assert (options["trainer.nnodes"], options["trainer.n_gpus_per_node"]) == ("2", "8")
    shown = "import runpy, sys; print(ascii(runpy.run_path(sys.argv[1])['REWARD'].matcher))"
    done = subprocess.run(
        [sys.executable, "-c", shown, str(folder / "reward.py")], cwd=empty, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ascii(f"openai:{text}")
    assert not list(empty.iterdir())


def test_recipe_unsupported_by_verl_is_refused(recipe, tmp_path):
    with pytest.raises(InputError, match=r"\[warmup\]: verl runs only the second stage"):
        write_verl_launch(recipe.model_copy(update={"warmup": {}}), tmp_path / "launch")
    world = {"output": "o", "model": {"name": "m"}, "world": {}, "grpo": {}}
    with pytest.raises(InputError, match=r"needs \[data\], \[matcher\] and \[grpo\]"):
        write_verl_launch(check_recipe(GenrmRecipe, world, "test"), tmp_path / "launch")


def test_launch_folder_from_command_line(recipe, tmp_path):
    settings = [
        "matcher.accept_unfit=true",
        f"data.train={json.dumps(list(recipe.data.train))}",
        "data.held_out=[]",
        f"audit.pairs={recipe.audit.pairs}",
    ]
    arguments = ["genrm", str(PAPER), "--launch", str(tmp_path / "launch")]
    for setting in settings:
        arguments += ["--set", setting]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "run.sh" in done.output.replace("\n", "")
    assert {path.name for path in (tmp_path / "launch").iterdir()} == {
        "train.parquet",
        "reward.py",
        "run.sh",
        "run.json",
    }
