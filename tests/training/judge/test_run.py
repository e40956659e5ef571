"""Training a judge, on a model of a few thousand weights: both stages, interruption, and a grader that fails."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.rewards.grader import JudgmentReward, build_matcher
from rightly.rewards.rule import RewardRule
from rightly.synthetic.exact_matcher import ReviewsMatcher
from rightly.synthetic.reviews import read_point, read_stance
from rightly.synthetic.tiny_model import new_model, new_tokenizer
from rightly.training.common.checkpoints import last_checkpoint
from rightly.training.common.recipe import check_recipe
from rightly.training.judge import data as judging
from rightly.training.judge import run as genrm
from rightly.training.judge.eval_callback import read_dynamics
from rightly.training.judge.recipe import GenrmModel, GenrmRecipe
from rightly.training.judge.run import FINISHED, WARMUP, load_judge, train_judge
from tests.fake_endpoint import FakeEndpoint, served

ROOT = Path(__file__).parents[3]
TRAINER = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "disable_tqdm": True, "seed": 3}
WARM = {"per_device_train_batch_size": 16, "max_steps": 200, "learning_rate": 1e-2, "completion_only_loss": False}
GRPO = {
    "per_device_train_batch_size": 16,
    "num_generations": 4,
    "max_completion_length": 16,
    "learning_rate": 1e-3,
    "max_steps": 4,
    "logging_steps": 1,
    "save_strategy": "steps",
    "save_steps": 1,
}
WORLD = {"pairs": 64, "width": 16, "layers": 1}
AUDIT = {"limit": 6, "every": 2, "max_tokens": 16, "batch_size": 6}


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """A model that has learned the form of a judgment, and little else."""
    folder = tmp_path_factory.mktemp("start")
    world = WORLD | {"pairs": 2000}
    table = {"output": str(folder), "model": {"name": "new"}, "world": world, "warmup": {"trainer": TRAINER | WARM}}
    train_judge(check_recipe(GenrmRecipe, table, "test"))
    return folder


@pytest.fixture
def table(start, tmp_path):
    return {
        "output": str(tmp_path / "run"),
        "model": {"name": str(start)},
        "world": WORLD,
        "reward": {"agreement": "f1"},
        "grpo": TRAINER | GRPO,
        "audit": AUDIT,
    }


def train(table):
    return train_judge(check_recipe(GenrmRecipe, table, "test"))


def weights(folder):
    return load_file(Path(folder) / "model.safetensors")


def same(first, second):
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize("lora", [None, {"rank": 2, "alpha": 4}], ids=["whole", "lora"])
def test_recipe_runs_warm_up_and_grpo(tmp_path, lora):
    table = {
        "output": str(tmp_path / "run"),
        "model": {"name": "new", "lora": lora},
        "world": WORLD,
        "warmup": {"trainer": TRAINER | WARM | {"max_steps": 2}},
        "grpo": TRAINER | GRPO | {"max_steps": 2},
        "audit": AUDIT,
    }
    trained = train(table)
    assert (trained.folder / WARMUP / FINISHED).exists()
    assert {(row["step"], row["set"]) for row in trained.dynamics} == {
        (step, name) for step in (0, 2) for name in ("as trained", "hard")
    }
    assert [row["step"] for row in trained.history if "reward" in row] == [1, 2]
    model, tokenizer = load_judge(GenrmModel(name=str(trained.folder)), str(trained.folder))
    assert tokenizer.chat_template
    assert sum(p.numel() for p in model.parameters()) < 10_000
    assert not list(trained.folder.glob("adapter*"))


def test_the_reward_moves_the_weights_and_figures_are_logged(table, start):
    trained = train(table)
    assert not same(weights(start), weights(trained.folder))
    logged = next(row for row in trained.history if "reward" in row)
    assert {"accuracy", "consistency", "precision", "reasons", "excluded", "follows"} <= set(logged)
    audited = read_dynamics(trained.folder)
    assert [row["step"] for row in audited] == [0, 0, 2, 2, 4, 4]
    assert {"accuracy", "reward", "faults"} <= set(audited[0])


def test_finished_run_is_not_repeated_and_other_recipe_is_refused(table, monkeypatch):
    first = train(table)
    monkeypatch.setattr(genrm, "_reinforce", None)
    again = train(table)
    assert again.history == first.history
    assert again.dynamics == first.dynamics
    with pytest.raises(InputError, match=r"holds a run of another recipe: \[grpo\], \[reward\] differ"):
        train(table | {"reward": {"compose": "outcome"}, "grpo": table["grpo"] | {"max_steps": 5}})


def test_two_processes_share_the_work_and_the_audit(table, tmp_path):
    path = write_recipe(table | {"audit": AUDIT | {"limit": 7}}, tmp_path / "recipe.toml")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "rightly"]
    settings = ["--set", "grpo.max_steps=2", "--set", "grpo.ddp_backend=gloo"]
    done = subprocess.run(
        [*command, "train", "genrm", str(path), *settings],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    dynamics = read_dynamics(Path(table["output"]))
    assert [row["step"] for row in dynamics] == [0, 0, 2, 2]
    assert all(round(row["faults"] * 7, 6).is_integer() for row in dynamics)
    alone = train(table | {"output": str(tmp_path / "alone"), "audit": AUDIT | {"limit": 7}})
    assert alone.dynamics[0] == pytest.approx(dynamics[0])
    assert done.stdout.count("report: ") == 1


def write_recipe(table, path):
    lines = [f'output = "{table["output"]}"']
    for name, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{name}]", *(f"{key} = {json.dumps(each)}" for key, each in value.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


SLOW = """
import sys, time
from transformers import TrainerCallback
from trl.trainer.grpo_trainer import GRPOTrainer
class Slow(TrainerCallback):
    def on_step_begin(self, *_, **__):
        time.sleep(0.5)
begin = GRPOTrainer.__init__
def slowly(self, *args, **kwargs):
    begin(self, *args, **kwargs)
    self.add_callback(Slow())
GRPOTrainer.__init__ = slowly
from rightly.cli import main
main(sys.argv[1:])
"""


def test_killed_and_resumed_judge_training_equals_uninterrupted(table, tmp_path):
    path = write_recipe(table, tmp_path / "recipe.toml")
    command = [sys.executable, "-c", SLOW, "train", "genrm", str(path), "--set", f"output={tmp_path / 'killed'}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while last_checkpoint(tmp_path / "killed") is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert last_checkpoint(tmp_path / "killed") is not None
    assert not (tmp_path / "killed" / FINISHED).exists()
    for again in (command, [*command[:-1], f"output={tmp_path / 'calm'}"]):
        subprocess.run(again, cwd=ROOT, check=True, env=environment, capture_output=True)
    assert read_dynamics(tmp_path / "killed") == read_dynamics(tmp_path / "calm")
    assert same(weights(tmp_path / "calm"), weights(tmp_path / "killed"))
    assert "Outcome accuracy" in (tmp_path / "calm" / "report.html").read_text()


def exact_matches(body):
    """What a MetaJudge without fault would answer in the miniature world."""
    said = body["messages"][0]["content"]
    points, reasons = (re.findall(rf"^{letter}\d+: (.*)$", said, re.MULTILINE) for letter in "RS")
    lines = []
    for i, point in enumerate(points, start=1):
        found = [j for j, reason in enumerate(reasons, start=1) if read_point(reason) == read_point(point)]
        lines += [f"R{i} @ S{j}: 1.00" for j in found] or [f"R{i} @ none"]
    return "<matches>\n" + "\n".join(lines) + "\n</matches>"


@pytest.fixture
def graded(monkeypatch):
    """All that is graded while a test trains: answers, references, results."""
    seen = []
    grade = JudgmentReward.grade

    async def noted(self, answers, references, **how):
        found = await grade(self, answers, references, **how)
        seen.extend(zip(answers, references, found, strict=True))
        return found

    monkeypatch.setattr(JudgmentReward, "grade", noted)
    return seen


def train_against(endpoint, table, monkeypatch):
    """Train in the world with an endpoint as its matcher."""
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    spec = "openai:m?concurrency=16&timeout_s=0.4&max_attempts=2&max_tokens=100"
    monkeypatch.setattr(judging, "ReviewsMatcher", lambda: build_matcher(spec, None))
    return train({name: part for name, part in table.items() if name != "audit"})


def with_batch(table, completions):
    return table | {"grpo": table["grpo"] | {"per_device_train_batch_size": completions}}


def with_exact(seen):
    """Rewards as given beside those of the exact matcher."""
    reward = JudgmentReward(RewardRule(agreement="f1"), ReviewsMatcher, stance=read_stance)
    answers, references, found = zip(*seen, strict=True)
    right = reward.grade_now(answers, references)
    return [(given.reward, exact.reward) for given, exact in zip(found, right, strict=True)]


def test_endpoint_faults_never_become_rewards(table, graded, monkeypatch):
    faults = {"429": 0.15, "500": 0.1, "hang": 0.1, "reset": 0.1, "garbage": 0.1, "truncated": 0.05, "refusal": 0.05}
    endpoint = FakeEndpoint(exact_matches, faults=faults, seed=2)
    with served(endpoint):
        trained = train_against(endpoint, with_batch(table, 64), monkeypatch)
    rewards = with_exact(graded)
    given = [(reward, exact) for reward, exact in rewards if reward is not None]
    assert all(reward == pytest.approx(exact) for reward, exact in given)
    assert sum(reward > 0 for reward, _ in given) > 3
    excluded = len(rewards) - len(given)
    assert excluded > 3
    logged = [row["excluded"] for row in trained.history if "excluded" in row]
    assert len(logged) == 4
    assert sum(logged) * 64 == pytest.approx(excluded)
    assert (trained.folder / FINISHED).exists()


def test_training_continues_when_endpoint_dies(table, graded, monkeypatch):
    def answer_a_few(body):
        if sum(endpoint.asked.values()) == 5:
            threading.Thread(target=die).start()
        return exact_matches(body)

    endpoint = FakeEndpoint(answer_a_few)
    with served(endpoint) as die:
        trained = train_against(endpoint, table, monkeypatch)
    rewards = with_exact(graded)
    assert all(reward == pytest.approx(exact) for reward, exact in rewards if reward is not None)
    last = trained.history[-2]
    assert last["excluded"] > 0.2
    assert all(reward is None or not reward for reward, _ in rewards[-16:])
    assert all(torch.isfinite(tensor).all() for tensor in weights(trained.folder).values())


def test_missing_model_and_model_without_template_are_refused(table, start, tmp_path):
    with pytest.raises(InputError, match="none: no such folder; give a folder or a hub id"):
        train(table | {"model": {"name": str(tmp_path / "none")}})
    bare = tmp_path / "bare"
    tokenizer = new_tokenizer()
    new_model(tokenizer, width=16, layers=1).save_pretrained(bare)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(bare)
    with pytest.raises(InputError, match="has no chat template; use an instruction-tuned model"):
        train(table | {"model": {"name": str(bare)}, "output": str(tmp_path / "other")})


def test_arguments_of_the_trainer_are_checked_before_the_folder_is_taken(table):
    with pytest.raises(InputError, match=r"\[grpo\]: GRPOConfig has no argument 'nonsense'"):
        train(table | {"grpo": {"nonsense": 1}})
    with pytest.raises(InputError, match=r"\[grpo\]: output_dir is set by the recipe itself"):
        train(table | {"grpo": {"output_dir": "x"}})
    assert not Path(table["output"]).exists()


def test_human_pairs_train_with_default_prompt(tmp_path):
    """Real reasons, the prompt of `rightly judge`, a matcher by its spec, an audit with a second version of its pairs."""
    pairs = [pair for pair in load_pairs("sample:ukpconvarg1") if pair.label in ("A", "B")][:24]
    folder, files = tmp_path / "model", {}
    tokenizer = word_tokenizer(pairs)
    tokenizer.save_pretrained(folder)
    model = new_model(tokenizer, width=16, layers=1)
    model.config.max_position_embeddings = 2048
    model.save_pretrained(folder)
    for name, some in (("train", pairs[:20]), ("test", pairs[18:22]), ("audit", pairs[22:])):
        files[name] = str(tmp_path / f"{name}.jsonl")
        Path(files[name]).write_text("".join(pair.model_dump_json() + "\n" for pair in some))
    table = {
        "output": str(tmp_path / "run"),
        "model": {"name": str(folder), "dtype": "float32"},
        "data": {"train": [files["train"]], "held_out": [files["test"]], "max_prompt_tokens": 1500},
        "matcher": {"spec": "lexical", "accept_unfit": True},
        "reward": {"compose": "additive", "agreement": "recall"},
        "warmup": {"trainer": TRAINER | {"max_steps": 2, "per_device_train_batch_size": 2}},
        "grpo": TRAINER | GRPO | {"max_steps": 1, "per_device_train_batch_size": 4, "max_completion_length": 8},
        "audit": {"pairs": files["audit"], "restyled": files["audit"], "limit": 2, "every": 1, "max_tokens": 8},
    }
    trained = train(table)
    assert trained.counts.model_dump() == {"read": 20, "used": 18, "unlabelled": 0, "without_reasons": 0, "held_out": 2}
    assert [(row["step"], row["set"]) for row in trained.dynamics] == [(0, "audit"), (1, "audit")]
    assert all("faults" in row for row in trained.dynamics)
    with pytest.raises(InputError, match=r"data\.max_prompt_tokens: every prompt has more than 5 tokens"):
        train(table | {"data": table["data"] | {"max_prompt_tokens": 5}, "output": str(tmp_path / "short")})


def word_tokenizer(pairs):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    said = " ".join(text for pair in pairs for text in (*pair.responses, *(r.text for r in pair.rationales)))
    words = ["<pad>", "<end>", "<unk>", *sorted(set(said.split()))]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", eos_token="<end>", unk_token="<unk>", padding_side="left"
    )
    tokenizer.chat_template = new_tokenizer().chat_template
    return tokenizer
