import json
import os
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import torch

from rightly.cli import app
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.reward_models import model
from rightly.reward_models.identity import reward_model_fingerprint
from rightly.reward_models.margins import ScoreRecord, margin, score_run, score_windows
from rightly.reward_models.model import RewardModel
from rightly.store.records import RecordFile
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture


@pytest.fixture
def pairs_file(tmp_path):
    return write_pairs(tmp_path / "pairs.jsonl", 30)


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(model, "WINDOW", 7)


def run(folder, file, model, **options):
    def build(name):
        return RewardModel.load(name, new_head=True, max_length=64)

    options = {"tokens_per_batch": 200, "identity": {}} | options
    return score_run(folder, lambda: load_pairs(file), {str(model): reward_model_fingerprint(model)}, build, **options)


def table_of(folder):
    return pq.read_table(folder / "margins.parquet").to_pylist()


def test_margins_table_equals_single_passes(tiny_model, pairs_file, tmp_path):  # noqa: F811
    metrics = run(tmp_path / "run", pairs_file, tiny_model)[str(tiny_model)].metrics
    model = RewardModel.load(tiny_model, new_head=True, max_length=64)

    rows = table_of(tmp_path / "run")
    assert [row["id"] for row in rows] == [str(n) for n in range(30)]
    for pair, row in zip(load_pairs(pairs_file), rows, strict=True):
        with torch.no_grad():
            alone = [
                model.model(torch.tensor([each.ids])).logits.item()
                for each in model.encode(pair.context, pair.responses)
            ]
        assert row[f"rewards/{tiny_model}"] == pytest.approx(alone, abs=1e-5)
        assert row[f"margin/{tiny_model}"] == margin(row[f"rewards/{tiny_model}"], pair.label)
    assert metrics.n == 30
    assert metrics.accuracy == sum(row[f"margin/{tiny_model}"] > 0 for row in rows) / 30


def test_an_interrupted_run_ends_with_the_same_table(tiny_model, pairs_file, tmp_path):  # noqa: F811
    run(tmp_path / "whole", pairs_file, tiny_model)
    seen = 0

    def stop(_scored):
        nonlocal seen
        seen += 1
        if seen == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", pairs_file, tiny_model, watch=stop)
    records = tmp_path / "parts" / "scores" / "rank-0.jsonl"
    records.write_bytes(records.read_bytes()[:-9])  # a line torn by the kill
    again = []
    run(tmp_path / "parts", pairs_file, tiny_model, watch=again.append)

    assert len(again) == 30 - 16
    assert table_of(tmp_path / "parts") == table_of(tmp_path / "whole")


def test_finished_score_run_loads_no_model(tiny_model, pairs_file, tmp_path):  # noqa: F811
    run(tmp_path / "run", pairs_file, tiny_model)

    def refuse(_name):
        raise AssertionError("loaded")

    made_by = {str(tiny_model): reward_model_fingerprint(tiny_model)}
    score_run(tmp_path / "run", lambda: load_pairs(pairs_file), made_by, refuse, identity={}, tokens_per_batch=200)


def test_out_of_memory_halves_token_budget(tiny_model, pairs_file):  # noqa: F811
    model = RewardModel.load(tiny_model, new_head=True, max_length=64)
    budgets, score = [], model.score

    def cramped(pairs, *, tokens_per_batch):
        budgets.append(tokens_per_batch)
        if tokens_per_batch > 60:
            raise torch.OutOfMemoryError("no")
        return score(pairs, tokens_per_batch=tokens_per_batch)

    model.score = cramped
    scored = [each for window in score_windows(load_pairs(pairs_file), model, tokens_per_batch=200) for each in window]

    assert len(scored) == 30
    assert budgets == [200, 100, 50, 50, 50, 50, 50]


def test_margin_of_the_label_or_of_the_first():
    assert margin([1.0, 4.0, 2.0], "C") == -2
    assert margin([1.0, 4.0], None) == margin([1.0, 4.0], "tie") == -3


def test_the_same_model_twice_is_refused(pairs_file, tmp_path):
    from rightly.cli.score import command

    with pytest.raises(InputError, match="given twice"):
        command.main(
            [str(pairs_file), "--model", "a", "--model", "a", "--out", str(tmp_path / "out")], standalone_mode=False
        )


def test_two_processes_share_the_work(tiny_model, pairs_file, tmp_path):  # noqa: F811
    trained = tmp_path / "model"
    RewardModel.load(tiny_model, new_head=True, max_length=64).save(trained)
    many = write_pairs(tmp_path / "many.jsonl", 600)
    arguments = ["score", str(many), "--model", str(trained), "--out", str(tmp_path / "two")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            "-m",
            "rightly",
            *arguments,
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shares = [len(list(RecordFile(tmp_path / "two" / "scores" / f"rank-{rank}.jsonl", ScoreRecord))) for rank in (0, 1)]
    assert shares == [344, 256]  # windows of 256 in turn
    assert len(table_of(tmp_path / "two")) == 600
    assert "600" in done.stdout


def test_score_command_names_model_without_reward_head(tmp_path, pairs_file):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "causal")
    from tests.training.conftest import WORDS

    (tmp_path / "causal" / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "model": {"type": "WordLevel", "vocab": {w: i for i, w in enumerate(WORDS)}, "unk_token": "the"},
            }
        )
    )
    with pytest.raises(InputError, match="no trained reward head") as raised:
        app.main(
            ["score", str(pairs_file), "--model", str(tmp_path / "causal"), "--out", str(tmp_path / "out")],
            standalone_mode=False,
        )
    assert "rightly train rm" in (raised.value.fix or "")
