import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rightly.cli import main as rightly
from rightly.cli.train import command
from rightly.errors import InputError
from rightly.matchers.base import graded
from rightly.matchers.bases import load_classifier
from rightly.matchers.cross_encoder import CrossEncoder, evidence, read_card, scores
from rightly.matchers.trained import LocalMatcher
from rightly.training.matcher.recipe import MatcherRecipe
from rightly.training.matcher.run import train_matcher


def test_a_matcher_is_trained_saved_and_matches(table):
    trained = train_matcher(MatcherRecipe.model_validate(table))
    card = read_card(trained.folder)
    assert card == trained.card
    assert set(card.held_out) == {"summhay: doctor", "summhay: sales", "votes: tv-is-better-than-books"}
    assert sum(card.sources.values()) > 200
    matcher = LocalMatcher(str(trained.folder))
    assert matcher.held_out == set(card.held_out)
    points = ("Response A cites a source", "Response A lists three causes")
    reasons = ("Response A cites a source", "Response B cites a source", "Response A is better", "A lists five causes")
    match = asyncio.run(graded(matcher, points, reasons))
    pairs = [(point, reason) for point in points for reason in reasons]
    logits = CrossEncoder.load(trained.folder).logits(pairs)
    wanted = dict(zip(pairs, scores(evidence(logits, np.zeros(len(pairs))), card.same), strict=True))
    found = {(points[link.reference], reasons[link.candidate]): link.score for link in match.links}
    same = (points[0], reasons[0])
    assert found.get(same, 0) == pytest.approx(wanted[same] if wanted[same] >= 0.1 else 0, abs=1e-3)
    for gated in ((points[0], reasons[1]), (points[0], reasons[2]), (points[1], reasons[3])):
        assert found.get(gated, 0) <= 0.2 * wanted[gated] + 1e-3
    assert asyncio.run(matcher.match((), reasons)).links == ()
    strange = asyncio.run(matcher.match(("длинный текст",), ("A is " + "very " * 300 + "long",)))
    assert strange.detail.endswith("2 of 2 texts")


def test_what_is_stored_is_what_was_trained(table, tiny_encoder):
    """Without a cut the reloaded logits are those of the trained weights; word embeddings are not trained."""
    import torch

    table["model"]["rank"] = None
    folder = train_matcher(MatcherRecipe.model_validate(table)).folder
    from safetensors.torch import load_file

    stored = load_file(folder / "changes.safetensors")
    assert not any("word_embeddings" in name for name in stored)
    fresh = load_classifier(tiny_encoder).state_dict()
    trained = load_file(Path(table["output"]) / "checkpoint-6" / "model.safetensors")
    reloaded = CrossEncoder.load(folder).model.state_dict()
    moved = [name for name in trained if not torch.equal(fresh[name], trained[name])]
    assert len(moved) > 10
    for name in trained:
        torch.testing.assert_close(reloaded[name], trained[name])


def test_a_decoder_is_cut_adapted_and_reloaded(table, tiny_decoder):
    from safetensors.torch import load_file

    table["model"] |= {"base": tiny_decoder, "layers": 2, "first_trained": 1, "lora": {"rank": 4, "alpha": 8}}
    trained = train_matcher(MatcherRecipe.model_validate(table))
    names = {name.rpartition(".")[0] for name in load_file(trained.folder / "changes.safetensors")}
    assert "score.weight" in names
    assert {name.split(".")[2] for name in names if ".layers." in name} == {"1"}  # 0 is frozen, 2 is cut away
    encoder = CrossEncoder.load(trained.folder)
    assert len(encoder.model.base_model.layers) == 2
    ids = encoder.encode("Response A is short", "B is " + "very " * 100 + "long")["input_ids"]
    assert len(ids) == 64
    question = encoder.encode("x", "y")["input_ids"][-3:]
    assert ids[-3:] == question  # the question is never cut off


def test_matcher_scores_do_not_depend_on_batch(table):
    folder = train_matcher(
        MatcherRecipe.model_validate(table | {"trainer": table["trainer"] | {"max_steps": 2}})
    ).folder
    encoder = CrossEncoder.load(folder)
    pairs = [("A is short", "B is " + "very " * n + "long") for n in range(40)]
    together = encoder.logits(pairs)
    np.testing.assert_allclose([encoder.logits([pair])[0] for pair in pairs[::8]], together[::8], atol=1e-5)


def test_interrupted_matcher_training_equals_uninterrupted(table, tmp_path):
    whole = train_matcher(MatcherRecipe.model_validate(table))
    cut = table | {"output": str(tmp_path / "cut")}
    code = (
        "import json, os, sys\n"
        "from transformers import TrainerCallback\n"
        "import rightly.training.matcher.run as m\n"
        "from rightly.training.matcher.recipe import MatcherRecipe\n"
        "class Die(TrainerCallback):\n"
        "    def on_step_end(self, args, state, control, **_):\n"
        "        if state.global_step == 5: os._exit(9)\n"
        "init = m.MatcherTrainer.__init__\n"
        "m.MatcherTrainer.__init__ = lambda self, *a, **k: (init(self, *a, **k), self.add_callback(Die()))[0]\n"
        "m.train_matcher(MatcherRecipe.model_validate(json.loads(sys.argv[1])))\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code, json.dumps(cut)], env=os.environ, capture_output=True, check=False
    )
    assert died.returncode == 9, died.stderr.decode()[-2000:]
    again = train_matcher(MatcherRecipe.model_validate(cut))
    assert again.steps == whole.steps
    assert again.card.same.weights == pytest.approx(whole.card.same.weights, abs=1e-4)


def test_train_matcher_command_and_local_spec(table, tmp_path):
    path = tmp_path / "matcher.toml"
    path.write_text(
        f"output = {json.dumps(table['output'])}\n[model]\nbase = {json.dumps(table['model']['base'])}\nrank = 2\n"
        f"[data]\nlimit = 20\nedits = 4\ncontrasts = {json.dumps(table['data']['contrasts'])}\n"
        "[trainer]\nmax_steps = 1\nuse_cpu = true\n"
    )
    done = CliRunner().invoke(command, ["matcher", str(path), "--set", "trainer.max_steps=2"])
    assert done.exit_code == 0, done.output
    assert f"matcher: local:{table['output']}" in done.output
    assert "written: polarity" in done.output


@pytest.mark.parametrize("name", ["matcher_minilm", "matcher_smollm2"])
def test_the_shipped_recipes_train(name, tiny_encoder, tiny_decoder, table, tmp_path):
    from rightly.training.common.recipe import check_recipe, read_table

    path = Path(__file__).parents[3] / "recipes" / f"{name}.toml"
    base = tiny_encoder if name == "matcher_minilm" else tiny_decoder
    small = [f"output={tmp_path}/out", f"model.base={base}", "data.votes=['sample:ukpconvarg1']", "data.limit=8"]
    small += [f"data.contrasts={table['data']['contrasts']}", "data.edits=8", "data.entailment_first=8"]
    small += ["trainer.max_steps=1", "trainer.disable_tqdm=true", "trainer.per_device_train_batch_size=8"]
    recipe = read_table(path, small)
    for key in ("comve", "perspectrum", "argkp", "entailment"):  # files that are not shipped
        assert recipe["data"].pop(key)
    if name == "matcher_smollm2":
        assert (recipe["model"].pop("layers"), recipe["model"].pop("first_trained")) == (24, 8)
    trained = train_matcher(check_recipe(MatcherRecipe, recipe, str(path)))
    assert trained.steps == 1
    assert 0 < trained.card.same.operating_point < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.held_debates=['no-such']"], r"data\.held_debates: no pair belongs to the debate 'no-such'"),
        (["data.votes=[]", "data.contrasts=[]"], r"\[data\]: no row to train on"),
        (["data.limits=3"], r"data\.limits: is not a key of a recipe"),
        (["trainer.learning_rat=1"], r"no argument 'learning_rat'"),
        (["model.base='/no/such/folder'"], r"/no/such/folder"),
        (["data.entailment={anli='x'}"], r"\[data\.entailment\]: 'anli' is no entailment set"),
    ],
)
def test_invalid_matcher_recipes_give_one_line_errors(changes, message, table, tmp_path):
    from rightly.training.common.recipe import check_recipe, read_table

    path = tmp_path / "matcher.toml"
    path.write_text(f"output = {json.dumps(str(tmp_path / 'out'))}\n[trainer]\nuse_cpu = true\n")
    with pytest.raises(InputError, match=message):
        train_matcher(check_recipe(MatcherRecipe, read_table(path, changes), str(path)))


def test_folder_without_matcher_gives_one_line_error(tmp_path):
    with pytest.raises(InputError, match=r"holds no trained matcher"):
        LocalMatcher(str(tmp_path))


def test_command_line_accepts_local_matcher_spec(tmp_path, capsys):
    with pytest.raises(SystemExit):
        rightly(["matcher-check", "--matcher", f"local:{tmp_path}"])
    assert "holds no trained matcher" in capsys.readouterr().err
