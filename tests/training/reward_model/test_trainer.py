import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainingArguments

from rightly.errors import InputError
from rightly.losses import ranking_loss
from rightly.reward_models.model import RewardModel
from rightly.training.common.checkpoints import last_checkpoint
from rightly.training.reward_model.data import prepare_pairs
from rightly.training.reward_model.objective import Objective
from rightly.training.reward_model.recipe import LossTable, parse_recipe
from rightly.training.reward_model.run import train_reward_model
from rightly.training.reward_model.trainer import RewardTrainer
from rightly.types import Message, PreferencePair
from tests.training.conftest import write_pairs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the Trainer's own, on every CPU run


def with_trainer(table, **changes):
    return {**table, "trainer": {**table["trainer"], **changes}}


def losses_of(folder):
    state = json.loads((folder / "losses.json").read_text())
    return [entry["loss"] for entry in state if "loss" in entry]


def trainer_of(table, tmp_path, pairs=None, loss=None):
    recipe = parse_recipe(table)
    model = RewardModel.load(recipe.model.name, new_head=True, max_length=64)
    from rightly.data.load import load_pairs

    pairs = load_pairs(recipe.data.train[0]) if pairs is None else pairs
    prepared, _ = prepare_pairs(pairs, model, loss or LossTable())
    args = TrainingArguments(
        output_dir=str(tmp_path / "out"), remove_unused_columns=False, report_to="none", **table["trainer"]
    )
    return RewardTrainer(model, args, Objective(loss or LossTable(), None, 32), prepared, {"dev": prepared})


def test_a_run_learns_and_leaves_a_plain_checkpoint(recipe_table):
    trained = train_reward_model(parse_recipe(with_trainer(recipe_table, max_steps=40)))

    assert trained.results["dev"].accuracy > 0.9  # the last word tells
    assert trained.counts["train"].used == 40
    files = {path.name for path in trained.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "reward_contract.json", "README.md"} <= files
    pair = PreferencePair(id="x", context=(Message(role="user", content="this"),), responses=("is good", "is bad"))
    [scored] = RewardModel.load(trained.folder).score([pair])
    assert scored.rewards[0] > scored.rewards[1]


def test_the_plain_loss_is_trls_on_the_same_tokens(recipe_table, tmp_path):
    trl = pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification

    ours = trainer_of(recipe_table, tmp_path)
    pairs = ours.train_dataset[:8]
    batch = ours._prepare_inputs(ours.data_collator(pairs))
    loss = ours.compute_loss(ours.model, batch)

    chosen, rejected = zip(*(pair.group.sequences() for pair in pairs), strict=True)
    model = AutoModelForSequenceClassification.from_pretrained(recipe_table["model"]["name"])
    theirs = trl.RewardTrainer(
        model,
        trl.RewardConfig(output_dir=str(tmp_path / "trl"), bf16=False, report_to="none", use_cpu=True),
        train_dataset=Dataset.from_dict(
            {"chosen_ids": list(map(list, chosen)), "rejected_ids": list(map(list, rejected))}
        ),
        processing_class=ours.reward_model.tokenizer,
    )
    inputs = theirs.data_collator(
        [{"chosen_ids": list(c), "rejected_ids": list(r)} for c, r in zip(chosen, rejected, strict=True)]
    )
    expected = theirs.compute_loss(model.train(), inputs)

    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_evaluation_is_of_all_pairs_not_a_mean_of_batches(recipe_table, tmp_path):
    """TRL reports the mean of batch means: 34 pairs in batches of 8 weigh the last two four times as much."""
    trainer = trainer_of(recipe_table, tmp_path)
    pairs = trainer.train_dataset[:34]
    trainer.eval_tokens = 60

    metrics = trainer.evaluate({"dev": pairs})
    with torch.no_grad():
        margins = [
            (trainer.model(torch.tensor([c])).logits - trainer.model(torch.tensor([r])).logits).item()
            for c, r in (pair.group.sequences() for pair in pairs)
        ]

    assert metrics["eval_dev_accuracy"] == sum(m > 0 for m in margins) / 34
    rewards = trainer.rewards_of(pairs)
    assert [best - other for best, other in rewards] == pytest.approx(margins, abs=1e-5)


def test_accumulated_batches_are_one_batch(recipe_table):
    train_reward_model(parse_recipe(recipe_table | {"output": recipe_table["output"] + "1"}))
    parts = with_trainer(recipe_table, per_device_train_batch_size=2, gradient_accumulation_steps=4)
    train_reward_model(parse_recipe(parts | {"output": recipe_table["output"] + "2"}))

    whole, parted = (load_file(f"{recipe_table['output']}{i}/model.safetensors") for i in (1, 2))
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, parted[name], atol=1e-4, rtol=1e-4)


def test_over_long_pairs_are_cut_and_counted_not_dropped(recipe_table, tmp_path):
    recipe_table["data"]["train"] = [str(write_pairs(tmp_path / "long.jsonl", 40, prompt_words=200))]

    trained = train_reward_model(parse_recipe(recipe_table))

    counts = trained.counts["train"]
    assert counts.used == 40
    assert 0 < counts.truncated <= 40
    assert counts.tokens_cut > 0


def test_lora_trains_saves_and_reloads_the_head(recipe_table):
    recipe_table["model"] |= {"lora": {"rank": 2}}
    trained = train_reward_model(parse_recipe(with_trainer(recipe_table, max_steps=40)))
    base = load_file(recipe_table["model"]["name"] + "/model.safetensors")["score.weight"]

    loaded = RewardModel.load(trained.folder)

    assert (trained.folder / "adapter" / "adapter_model.safetensors").exists()
    assert not (trained.folder / "adapter_config.json").exists()
    assert not torch.equal(loaded.model.score.weight, base)
    assert trained.results["dev"].accuracy > 0.9
    pair = PreferencePair(id="x", context=(Message(role="user", content="this"),), responses=("is good", "is bad"))
    [scored] = loaded.score([pair])
    assert scored.rewards[0] > scored.rewards[1]


@pytest.mark.parametrize("kind", ["simcse", "swav"])
@pytest.mark.parametrize("features", ["response", "difference"])
def test_contrastive_runs(recipe_table, kind, features):
    table = recipe_table | {"dropout": 0.1, "contrastive": {"kind": kind, "features": features}}

    trained = train_reward_model(parse_recipe(with_trainer(table, max_steps=20)))

    assert trained.results["dev"].accuracy > 0.6


def test_contrastive_without_dropout_is_refused(recipe_table):
    with pytest.raises(InputError, match="contrastive needs dropout above 0"):
        parse_recipe(recipe_table | {"contrastive": {"kind": "simcse"}})


def test_dropout_makes_views_differ_in_training_only(recipe_table, tmp_path):
    from rightly.training.reward_model.dropout import set_dropout

    trainer = trainer_of(recipe_table, tmp_path)
    set_dropout(trainer.reward_model.model, 0.2)
    groups = [pair.group for pair in trainer.train_dataset[:2]]
    from rightly.reward_models.fast.batches import packed_batch

    batch, model = packed_batch(groups * 2), trainer.reward_model.model
    trained = model.train()(**batch).logits[:, 0].chunk(2)
    evaluated = model.eval()(**batch).logits[:, 0].chunk(2)

    assert (trained[0] - trained[1]).abs().min() > 1e-6
    torch.testing.assert_close(evaluated[0], evaluated[1])


def test_target_margin_and_weight_reach_the_loss(recipe_table, tmp_path):
    rows = [
        PreferencePair(
            id=str(i),
            context=(Message(role="user", content="this"),),
            responses=("is good", "is bad"),
            label=label,
            **terms,
        )
        for i, (label, terms) in enumerate(
            [("A", {"target": 0.3}), ("B", {"margin": 1.5}), ("A", {"weight": 0.25}), ("B", {})]
        )
    ]
    trainer = trainer_of(recipe_table, tmp_path, rows)

    loss = trainer.compute_loss(trainer.model, trainer.data_collator(trainer.train_dataset))
    with torch.no_grad():
        pairs = [pair.group.sequences() for pair in trainer.train_dataset]
        chosen, rejected = (
            torch.cat([trainer.model(torch.tensor([pair[side]])).logits[:, 0] for pair in pairs]) for side in (0, 1)
        )
    expected = ranking_loss(
        chosen,
        rejected,
        target=torch.tensor([0.3, 1, 1, 1]),
        margin=torch.tensor([0, 1.5, 0, 0]),
        weight=torch.tensor([1, 1, 0.25, 1]),
    )
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("listwise", ["best-of-k", "plackett-luce"])
def test_groups_of_several_sizes_train_together(recipe_table, tmp_path, listwise):
    context = (Message(role="user", content="this"),)
    rows = [
        PreferencePair(id="2", context=context, responses=("is good", "is bad"), label="A", ranks=(1, 2)),
        PreferencePair(id="3", context=context, responses=("is bad", "good", "is good"), label="C", ranks=(3, 2, 1)),
    ]
    trainer = trainer_of(recipe_table, tmp_path, rows, LossTable(listwise=listwise))

    loss = trainer.compute_loss(trainer.model, trainer.data_collator(trainer.train_dataset))
    with torch.no_grad():
        two, three = (
            torch.cat([trainer.model(torch.tensor([s])).logits[:, 0] for s in pair.group.sequences()])
            for pair in trainer.train_dataset
        )
        listed = three - torch.stack([three.logsumexp(0), three.logsumexp(0), three.logsumexp(0)])
        best = -listed[0]
        # branches are best first, then in the order of the file: C, A (rank 3), B (rank 2)
        second = torch.stack([three[1], three[2]]).logsumexp(0) - three[2] if listwise == "plackett-luce" else 0
    expected = (torch.nn.functional.softplus(two[1] - two[0]) + best + second) / 2
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_ranks_are_needed_for_a_whole_ranking(recipe_table, tmp_path):
    row = PreferencePair(id="3", responses=("is bad", "good", "is good"), label="C")
    trainer = trainer_of(recipe_table, tmp_path, [row], LossTable(listwise="plackett-luce"))

    with pytest.raises(ValueError, match="needs ranks"):
        trainer.compute_loss(trainer.model, trainer.data_collator(trainer.train_dataset))


def test_ties_are_skipped_and_counted_or_pulled_together(recipe_table):
    model = RewardModel.load(recipe_table["model"]["name"], new_head=True)
    rows = [PreferencePair(id=label or "-", responses=("good", "bad"), label=label) for label in ("A", "tie", None)]

    kept, counts = prepare_pairs(rows, model, LossTable())
    soft, _ = prepare_pairs(rows, model, LossTable(), ties="half")

    assert (len(kept), counts.ties, counts.unlabelled) == (1, 1, 1)
    assert [pair.target for pair in soft] == [1, 0.5]


def test_no_labelled_pair_is_an_error(recipe_table):
    model = RewardModel.load(recipe_table["model"]["name"], new_head=True)
    with pytest.raises(InputError, match="no pair to learn from among 1: 1 unlabelled"):
        prepare_pairs([PreferencePair(id="1", responses=("good", "bad"))], model, LossTable())


SCRIPT = """
import json, sys, time, warnings
from pathlib import Path
from rightly.training.reward_model import trainer as reward_trainer
from rightly.training.reward_model.recipe import parse_recipe
from rightly.training.reward_model.run import train_reward_model
table, pause = json.loads(sys.argv[1]), float(sys.argv[2])
logs = []
old = reward_trainer.RewardTrainer.log
def log(self, entry, start_time=None):
    logs.append(entry)
    time.sleep(pause)
    old(self, entry, start_time)
reward_trainer.RewardTrainer.log = log
train_reward_model(parse_recipe(table))
Path(table["output"], "losses.json").write_text(json.dumps(logs))
"""


def start(table, *launcher, pause=0.0):
    # Two threads of one process add up in another order than one thread of each of two processes.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *launcher, "-c", SCRIPT] if not launcher else [sys.executable, *launcher]
    return subprocess.Popen(
        [*command, json.dumps(table), str(pause)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process):
    output = process.communicate(timeout=200)[0].decode()
    assert process.returncode == 0, output[-3000:]


def test_two_processes_train_as_one(recipe_table, tmp_path):
    from pathlib import Path

    (tmp_path / "script.py").write_text(SCRIPT)
    one = recipe_table | {"output": str(tmp_path / "one")}
    two = with_trainer(recipe_table, per_device_train_batch_size=4, ddp_backend="gloo") | {
        "output": str(tmp_path / "two")
    }
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(tmp_path / "script.py"))
    processes = [start(one), start(two, *launcher)]
    for process in processes:
        finish(process)

    first, second = (losses_of(Path(table["output"])) for table in (one, two))
    assert len(first) == 6
    assert second == pytest.approx(first, abs=1e-5)
    whole, parted = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, parted[name], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("contrastive", [None, {"kind": "swav", "queue": 32, "prototypes": 8}], ids=["plain", "swav"])
def test_killed_and_resumed_is_as_if_uninterrupted(recipe_table, tmp_path, contrastive):
    table = with_trainer(recipe_table, save_strategy="steps", save_steps=2, max_steps=8)
    table |= {"dropout": 0.1, "contrastive": contrastive} if contrastive else {"dropout": 0.1}
    calm, killed = table | {"output": str(tmp_path / "calm")}, table | {"output": str(tmp_path / "killed")}
    undisturbed = start(calm)
    victim = start(killed, pause=0.4)
    deadline = time.monotonic() + 150
    while last_checkpoint(tmp_path / "killed") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    reached = last_checkpoint(tmp_path / "killed")
    assert reached is not None
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    finish(start(killed))
    finish(undisturbed)

    calmly, after = (load_file(tmp_path / name / "model.safetensors") for name in ("calm", "killed"))
    for name, tensor in calmly.items():
        assert torch.equal(tensor, after[name]), name


def test_a_checkpoint_cut_short_is_not_resumed_from(tmp_path):
    for step, state in [(2, '{"global_step": 2}'), (10, '{"global_step": 10}'), (12, '{"glob')]:
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-14").mkdir()

    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    assert last_checkpoint(tmp_path / "nothing") is None


def test_the_best_checkpoint_by_a_stated_metric_is_kept(recipe_table):
    table = with_trainer(
        recipe_table,
        eval_strategy="steps",
        eval_steps=2,
        save_strategy="steps",
        save_steps=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_dev_nll",
        learning_rate=0.05,
    )
    trained = train_reward_model(parse_recipe(table))

    states = [json.loads(p.read_text()) for p in trained.folder.glob("checkpoint-*/trainer_state.json")]
    logged = {e["step"]: e["eval_dev_nll"] for s in states for e in s["log_history"] if "eval_dev_nll" in e}
    assert trained.results["dev"].nll == pytest.approx(min(logged.values()), abs=1e-6)
