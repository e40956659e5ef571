"""``rightly strength`` and ``rightly repair`` from files to files, by every source of scores."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from rightly.cli import repair, strength
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.preferences.adjust import PRESETS
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture


def run(verb, *arguments):
    result = CliRunner().invoke(verb.command, [str(a) for a in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


@pytest.fixture
def data(tmp_path):
    """60 pairs with votes and scores of three models; the first 12 labels are wrong and scored so."""
    random = np.random.default_rng(0)
    rows, scores = [], []
    for number in range(60):
        wrong = number < 12
        votes = [{"annotator": str(v), "choice": "B" if wrong == (v < 4) else "A"} for v in range(5)]
        rows.append(
            {
                "id": str(number),
                "context": [{"role": "user", "content": f"question {number}"}],
                "responses": [f"it is so, yes <b>bold</b> {number}", f"it is so, no {number}"],
                "label": "A",
                "votes": votes,
            }
        )
        size = np.exp(random.uniform(-2, 3)) * random.uniform(0.8, 1.2, 3)
        scores.append({"id": str(number), **{f"margin/m{m}": float(-s if wrong else s) for m, s in enumerate(size)}})
    rows.append({"id": "tie", "responses": ["x", "y"], "label": "tie"})
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(scores), tmp_path / "scores.parquet")
    return pairs


def measured(data, *options):
    folder = data.parent / "strength"
    run(strength, data, "--scores", data.parent / "scores.parquet", "--out", folder, *options)
    return folder


def test_strength_finds_the_wrong_labels(data):
    folder = measured(data)
    table = pq.read_table(folder / "strength.parquet").to_pylist()
    assert [row["id"] for row in table] == [str(n) for n in range(60)]
    assert all((row["strength"] < 0) == (int(row["id"]) < 12) for row in table)
    assert {row["class"] for row in table[:12]} == {"wrong"}
    summary = json.loads((folder / "strength.json").read_text())
    assert summary["models"] == ["m0", "m1", "m2"]
    assert summary["diagnosis"]["quality"]["noise_rate"] == pytest.approx(0.2, abs=0.05)
    assert summary["diagnosis"]["deciles"][0]["accuracy"] == pytest.approx(0.2)
    assert summary["diagnosis"]["votes_correlation"] > 0.3


def test_the_page_shows_the_suspects_and_marks_differing_words(data):
    page = (measured(data) / "report.html").read_text()
    assert page.count('class="suspect"') == 12
    assert "it is so, <mark>yes " in page
    assert "What a repair would do" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page
    assert 'name="3" value="B"' in page
    assert "script-src 'sha256-" in page


def test_what_is_there_already_is_measured_again_to_the_same_bytes(data):
    first = {p.name: p.read_bytes() for p in measured(data).iterdir()}
    assert {p.name: p.read_bytes() for p in measured(data).iterdir()} == first


def test_votes_may_be_trusted(data):
    folder = measured(data, "--trust-votes")
    quality = json.loads((folder / "strength.json").read_text())["diagnosis"]["quality"]
    assert quality["basis"] == "trusted labels"
    assert quality["noise_rate"] == pytest.approx(0.32, abs=0.01)  # 12 of 60 labels have 1 vote of 5, the others 4


def test_scores_alone(data, tmp_path):
    found = run(strength, "--scores", tmp_path / "scores.parquet", "--out", tmp_path / "alone", "--json")
    assert json.loads(found.stdout)["diagnosis"]["n"] == 60
    assert "key" not in pq.read_schema(tmp_path / "alone" / "strength.parquet").names


def test_scores_that_pairs_carry(tmp_path):
    rows = [
        {"chosen": [f"q{n}", "good"], "rejected": [f"q{n}", "bad"], "chosen score list": [2.0, 1.0 + n],
         "rejected score list": [1.0, 2.0]}
        for n in range(20)
    ]  # fmt: skip
    file = tmp_path / "hh.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(strength, file, "--out", tmp_path / "s")
    table = pq.read_table(tmp_path / "s" / "strength.parquet").to_pylist()
    assert [row["models"] for row in table] == [2] * 20
    assert table[0]["strength"] < table[19]["strength"]


def test_trained_heads_are_held_out_and_kept(tiny_model, tmp_path):  # noqa: F811
    file = write_pairs(tmp_path / "pairs.jsonl", 40)
    arguments = [file, "--train", 3, "--base", tiny_model, "--max-length", 64, "--out", tmp_path / "s", "--json"]
    found = json.loads(run(strength, *arguments).stdout)
    assert found["held_out"] is True
    assert len(found["agreement"]) == 3
    assert found["agreement"][-1] == 1
    features = sorted((tmp_path / "s" / "ensemble" / "features").iterdir())
    stamps = [path.stat().st_mtime_ns for path in features]
    assert json.loads(run(strength, *arguments).stdout) == found
    assert [path.stat().st_mtime_ns for path in features] == stamps


@pytest.mark.parametrize("kind", ["full", "lora", "checkpoints"])
def test_trained_members(tiny_model, tmp_path, kind):  # noqa: F811
    file = write_pairs(tmp_path / "pairs.jsonl", 24)
    recipe = tmp_path / "r.toml"
    recipe.write_text("[trainer]\nmax_steps = 4\nper_device_train_batch_size = 4\nuse_cpu = true\nwarmup_steps = 0\n")
    arguments = [
        file,
        "--train",
        2,
        "--by",
        kind,
        "--folds",
        2,
        "--base",
        tiny_model,
        "--max-length",
        64,
        "--recipe",
        recipe,
    ]
    found = json.loads(run(strength, *arguments, "--out", tmp_path / "s", "--json").stdout)
    assert found["models"] == [f"{kind} 1", f"{kind} 2"]
    runs = sorted((tmp_path / "s" / "ensemble").iterdir())
    members = 1 if kind == "checkpoints" else 2
    named = [path.name.rpartition("-")[0] for path in runs]
    assert named == [f"member{m}-fold{f}" for m in range(members) for f in range(2)]
    train, other = (
        [json.loads(line)["id"] for line in (path / "train.jsonl").read_text().splitlines()] for path in runs[:2]
    )
    assert set(train).isdisjoint(other)
    assert len(train) + len(other) == 24
    margins = runs[0] / "margins.json"
    margins.write_text(json.dumps([[7.0] * 12] * (2 if kind == "checkpoints" else 1)))
    recipe.write_text(recipe.read_text() + "learning_rate = 1e-4\n")
    with pytest.raises(InputError, match="holds another run: recipe was"):
        run(strength, *arguments, "--out", tmp_path / "s")
    run(strength, *arguments, "--out", tmp_path / "s", "--fresh")
    again = sorted((tmp_path / "s" / "ensemble").iterdir())
    assert len(again) == len(runs)
    assert all("7.0" not in (path / "margins.json").read_text() for path in again)


def test_models_that_exist(tiny_model, tmp_path):  # noqa: F811
    file = write_pairs(tmp_path / "pairs.jsonl", 15)
    run(strength, file, "--model", tiny_model, "--max-length", 64, "--out", tmp_path / "s")
    table = pq.read_table(tmp_path / "s" / "strength.parquet")
    margins = pq.read_table(tmp_path / "s" / "scores" / "margins.parquet")[f"margin/{tiny_model}"].to_numpy()
    assert table["strength"].to_numpy() == pytest.approx(margins / np.median(np.abs(margins)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nothing scores the pairs"),
        (["--model", "a", "--train", "2"], "given together"),
        (["--scores", "none.parquet"], "none.parquet"),
    ],
)
def test_unusable_options(data, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        run(strength, data, "--out", tmp_path / "x", *options)


def test_a_table_that_lacks_a_pair(data, tmp_path):
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()[:-1]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "scores.parquet")
    with pytest.raises(InputError, match="has no row of pair '59'"):
        measured(data)


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "baseline"])
def test_repair_is_idempotent_and_can_be_undone(data, tmp_path, preset):
    table = measured(data) / "strength.parquet"
    options = ["--by", preset, "--strength", table]
    out = tmp_path / "repaired.jsonl"
    counts = json.loads(run(repair, data, *options, "--out", out, "--json").stdout)
    assert counts["read"] == 61
    assert counts["written"] + counts["dropped"] == 61
    again = json.loads(run(repair, out, *options, "--out", tmp_path / "twice.jsonl", "--json").stdout)
    assert (again["flipped"], again["reweighed"], again["dropped"]) == (0, 0, 0)
    assert (tmp_path / "twice.jsonl").read_bytes() == out.read_bytes()
    run(repair, out, "--undo", tmp_path / "repaired.jsonl.audit.jsonl", "--out", tmp_path / "undone.jsonl")
    assert list(load_pairs(tmp_path / "undone.jsonl")) == list(load_pairs(data))


def test_flip_turns_the_weakest_fifth(data, tmp_path):
    table = measured(data) / "strength.parquet"
    out = tmp_path / "repaired.jsonl"
    run(repair, data, "--by", "flip", "--strength", table, "--out", out)
    labels = {pair.id: pair.label for pair in load_pairs(out)}
    assert [labels[str(n)] for n in range(60)] == ["B"] * 12 + ["A"] * 48
    audit = [json.loads(line) for line in (tmp_path / "repaired.jsonl.audit.jsonl").read_text().splitlines()]
    assert len(audit) == 12
    assert audit[0]["actions"] == ["flip"]
    assert audit[0]["before"] == {"label": "A"}
    assert "strength -" in audit[0]["why"]


def test_exports_for_trainers(data, tmp_path):
    table = measured(data) / "strength.parquet"
    options = ["--by", "flip+margin", "--strength", table]
    run(repair, data, *options, "--format", "chosen-rejected", "--out", tmp_path / "trl.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "trl.jsonl").read_text().splitlines()]
    assert len(rows) == 60
    assert rows[0]["chosen"][-1] == {"role": "assistant", "content": "it is so, no 0"}
    assert rows[0]["chosen"][:-1] == rows[0]["rejected"][:-1] == [{"role": "user", "content": "question 0"}]
    assert all(0 < row["margin"] <= 1 for row in rows)
    run(repair, data, *options, "--format", "parquet", "--out", tmp_path / "trl.parquet")
    assert pq.read_table(tmp_path / "trl.parquet").num_rows == 60
    run(repair, data, *options, "--format", "hub", "--out", tmp_path / "hub")
    import datasets

    assert datasets.load_from_disk(str(tmp_path / "hub")).column_names == ["id", "chosen", "rejected", "margin"]
    assert [pair.margin for pair in load_pairs(tmp_path / "trl.jsonl")] == [row["margin"] for row in rows]


def test_decisions_of_a_reviewer(data, tmp_path):
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text('{"id": "0", "label": "B"}\n{"id": "1", "label": "A"}\n{"id": "2", "label": "tie"}\n')
    out = tmp_path / "repaired.jsonl"
    run(repair, data, "--decisions", decisions, "--out", out)
    pairs = {pair.id: pair for pair in load_pairs(out)}
    assert pairs["0"].label == "B"
    assert pairs["1"].label == "A"
    assert "2" not in pairs
    decisions.write_text('{"id": "0"}\n')
    with pytest.raises(InputError, match=r"decisions.jsonl:1: is no object with id and label"):
        run(repair, data, "--decisions", decisions, "--out", tmp_path / "other.jsonl")
    written = out.read_bytes()
    with pytest.raises(InputError, match=r"repaired.jsonl: exists already; choose another --out"):
        run(repair, data, "--decisions", decisions, "--out", out)
    with pytest.raises(InputError, match=r"pairs.jsonl: is read by this command and would be overwritten"):
        run(repair, data, "--decisions", decisions, "--out", data)
    assert out.read_bytes() == written


def test_repair_of_another_data_set(data, tmp_path):
    table = measured(data) / "strength.parquet"
    pairs = [pair.model_copy(update={"responses": ("x", "y")}) if pair.id == "7" else pair for pair in load_pairs(data)]
    data.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs))
    with pytest.raises(InputError, match="pair '7' is not the one that was scored"):
        run(repair, data, "--strength", table, "--out", tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


def test_choices_of_the_commands_are_the_presets():
    (option,) = [p for p in strength.command.params if p.name == "preset"]
    assert tuple(option.type.choices) == PRESETS
    (option,) = [p for p in repair.command.params if p.name == "preset"]
    assert set(option.type.choices) == set(PRESETS) - {"baseline"}
