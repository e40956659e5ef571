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


def diagnosis(folder):
    return json.loads((folder / "strength.json").read_text())["diagnosis"]


def test_strength_with_votes_finds_wrong_labels(data):
    folder = measured(data)
    table = pq.read_table(folder / "strength.parquet").to_pylist()
    assert [row["id"] for row in table] == [str(n) for n in range(60)]
    assert all((row["strength"] < 0) == (int(row["id"]) < 12) for row in table)
    assert [row["class"] == "suspect" for row in table] == [True] * 12 + [False] * 48
    assert all(row["key"] and row["known"] in (0, 1) for row in table)
    found = diagnosis(folder)
    assert found["quality"]["basis"] == "people"
    assert (found["quality"]["noise_rate"], found["quality"]["noise_low"], found["quality"]["noise_high"]) == (0.2,) * 3
    assert found["deciles"][0]["people"]["right"] == 0
    assert found["votes_correlation"] > 0.3


def test_noise_rate_is_undetermined_from_margins_alone(data):
    found = run(
        strength, data, "--scores", data.parent / "scores.parquet", "--out", data.parent / "s", "--no-trust-votes"
    )
    assert "cannot be told from margins alone: 0.0% to " in " ".join(found.stdout.split())
    quality = diagnosis(data.parent / "s")["quality"]
    assert quality["basis"] == "noise model"
    assert quality["noise_low"] == 0
    assert 0.2 < quality["noise_high"] < 0.35
    assert 0.05 < quality["noise_rate"] < 0.25


def test_votes_that_made_the_labels_cannot_check_them(data):
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    for row in rows[:-1]:
        row["label"] = "B" if int(row["id"]) < 12 else "A"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = diagnosis(measured(data))
    assert found["quality"]["basis"] == "noise model"
    assert found["deciles"][0]["people"]["right"] == 1


def test_pairs_without_a_difference_are_counted_and_in_no_figure(data):
    scores = pq.read_table(data.parent / "scores.parquet").to_pylist()
    for row in scores[20:25]:
        row |= {f"margin/m{m}": 0.0 for m in range(3)}
    scores[30] |= {"margin/m0": 0.0, "margin/m1": 0.0}
    pq.write_table(pa.Table.from_pylist(scores), data.parent / "scores.parquet")
    found = run(strength, data, "--scores", data.parent / "scores.parquet", "--out", data.parent / "s")
    assert "5 pairs have no difference to any model" in found.stdout
    table = pq.read_table(data.parent / "s" / "strength.parquet").to_pylist()
    assert [n for n, row in enumerate(table) if row["class"] == "no difference"] == [20, 21, 22, 23, 24]
    assert all(row["probability"] is None and row["keep"] and row["target"] == 1 for row in table[20:25])
    summary = diagnosis(data.parent / "s")
    assert (summary["n"], summary["no_difference"], summary["counts"]["no difference"]) == (60, 5, 5)
    assert sum(summary["counts"].values()) == 60
    assert sum(decile["n"] for decile in summary["deciles"]) == 55
    assert summary["wrong"]["n"] == 55
    page = (data.parent / "s" / "report.html").read_text()
    assert "5 pairs have no difference to any model" in page
    kept = run(
        repair,
        data,
        "--preset",
        "weight",
        "--strength",
        data.parent / "s/strength.parquet",
        "--out",
        data.parent / "r.jsonl",
    )
    assert "5 pairs without a difference for any model are unchanged" in kept.stdout
    weights = {pair.id: pair.weight for pair in load_pairs(data.parent / "r.jsonl")}
    assert [name for name, weight in weights.items() if weight is None] == ["20", "21", "22", "23", "24", "tie"]


def test_the_page_shows_the_suspects_and_marks_differing_words(data):
    page = (measured(data) / "report.html").read_text()
    assert page.count('class="suspect"') == 12
    assert "it is so, <mark>yes " in page
    assert "What a repair would do" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page
    key = next(load_pairs(data)).content_key
    assert f'name="0" value="B" data-key="{key}"' in page
    assert "script-src 'sha256-" in page


@pytest.mark.parametrize("options", [[], ["--no-trust-votes"], ["--suspects", "sign"], ["--suspects", "quantile"]])
def test_page_table_and_repair_count_the_same_suspects(data, options):
    folder = measured(data, *options)
    summary = json.loads((folder / "strength.json").read_text())
    suspects = summary["diagnosis"]["counts"]["suspect"]
    page = (folder / "report.html").read_text()
    assert f"<li>{suspects} labels are suspected; " in page
    assert page.count('class="suspect"') == suspects > 0
    assert f"All {suspects} suspects" in page
    assert summary["diagnosis"]["suspects"]["n"] == suspects
    assert summary["effects"]["drop"]["dropped"]["n"] == summary["effects"]["flip"]["flipped"]["n"] == suspects
    assert summary["effects"]["drop"]["dropped"] == summary["diagnosis"]["suspects"]
    kind = [option for option in options if option != "--no-trust-votes"]
    arguments = ["--strength", folder / "strength.parquet", *kind, "--out", data.parent / "r.jsonl", "--json"]
    counts = json.loads(run(repair, data, *arguments).stdout)
    assert counts["dropped"] == suspects
    assert counts["effect"] == summary["effects"]["drop"]


def test_repeated_strength_run_gives_the_same_bytes(data):
    first = {p.name: p.read_bytes() for p in measured(data).iterdir()}
    assert {p.name: p.read_bytes() for p in measured(data).iterdir()} == first


def test_strength_from_scores_file_only(data, tmp_path):
    found = run(strength, "--scores", tmp_path / "scores.parquet", "--out", tmp_path / "alone", "--json")
    assert json.loads(found.stdout)["diagnosis"]["n"] == 60
    assert "key" not in pq.read_schema(tmp_path / "alone" / "strength.parquet").names


def test_strength_from_margins_in_pairs(tmp_path):
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
def test_strength_from_trained_members(tiny_model, tmp_path, kind):  # noqa: F811
    file = write_pairs(tmp_path / "pairs.jsonl", 24)
    recipe = tmp_path / "r.toml"
    recipe.write_text("[trainer]\nmax_steps = 4\nper_device_train_batch_size = 4\nuse_cpu = true\nwarmup_steps = 0\n")
    arguments = [
        file,
        "--train",
        2,
        "--ensemble",
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


def test_strength_from_given_reward_models(tiny_model, tmp_path):  # noqa: F811
    file = write_pairs(tmp_path / "pairs.jsonl", 15)
    run(strength, file, "--model", tiny_model, "--max-length", 64, "--out", tmp_path / "s")
    table = pq.read_table(tmp_path / "s" / "strength.parquet")
    margins = pq.read_table(tmp_path / "s" / "scores" / "margins.parquet")[f"margin/{tiny_model}"].to_numpy()
    assert table["strength"].to_numpy() == pytest.approx(margins / np.median(np.abs(margins)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no model scores the pairs"),
        (["--model", "a", "--train", "2"], "given together"),
        (["--scores", "none.parquet"], "none.parquet"),
    ],
)
def test_strength_refuses_unusable_options(data, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        run(strength, data, "--out", tmp_path / "x", *options)


def test_scores_table_without_a_pair_is_refused(data, tmp_path):
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()[:-1]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "scores.parquet")
    with pytest.raises(InputError, match="has no row for pair '59'"):
        measured(data)


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset != "baseline"])
def test_repair_is_idempotent_and_can_be_undone(data, tmp_path, preset):
    table = measured(data) / "strength.parquet"
    options = ["--preset", preset, "--strength", table]
    out = tmp_path / "repaired.jsonl"
    counts = json.loads(run(repair, data, *options, "--out", out, "--json").stdout)
    assert counts["read"] == 61
    assert counts["written"] + counts["dropped"] == 61
    assert counts["flipped"] == (12 if preset in ("flip", "flip+margin", "auto") else 0)
    again = json.loads(run(repair, out, *options, "--out", tmp_path / "twice.jsonl", "--json").stdout)
    assert (again["flipped"], again["reweighed"], again["dropped"]) == (0, 0, 0)
    assert again["effect"]["flipped"]["n"] == again["effect"]["dropped"]["n"] == 0
    assert (tmp_path / "twice.jsonl").read_bytes() == out.read_bytes()
    run(repair, out, "--undo", tmp_path / "repaired.jsonl.audit.jsonl", "--out", tmp_path / "undone.jsonl")
    assert list(load_pairs(tmp_path / "undone.jsonl")) == list(load_pairs(data))


def test_repair_flips_suspects_confirmed_by_votes(data, tmp_path):
    table = measured(data) / "strength.parquet"
    out = tmp_path / "repaired.jsonl"
    said = run(repair, data, "--preset", "flip", "--strength", table, "--out", out).stdout
    assert "of 12 labels flipped, 12 [12, 12] are expected to be wrong" in said
    assert "wrong labels, after minus before: -12 [-12, -12]" in said
    labels = {pair.id: pair.label for pair in load_pairs(out)}
    assert [labels[str(n)] for n in range(60)] == ["B"] * 12 + ["A"] * 48
    audit = [json.loads(line) for line in (tmp_path / "repaired.jsonl.audit.jsonl").read_text().splitlines()]
    assert len(audit) == 12
    assert audit[0]["actions"] == ["flip"]
    assert audit[0]["before"] == {"label": "A"}
    assert "strength -" in audit[0]["why"]


@pytest.mark.parametrize("preset", ["flip", "flip+margin", "auto"])
def test_repair_refuses_harmful_flips_unless_forced(data, tmp_path, preset):
    table = measured(data, "--no-trust-votes") / "strength.parquet"
    out = tmp_path / "repaired.jsonl"
    with pytest.raises(
        InputError, match=r"flips may add wrong labels: of \d+ labels flipped, \d+ \[0, \d+\].*--force-flip"
    ):
        run(repair, data, "--preset", preset, "--strength", table, "--out", out)
    assert not out.exists()
    forced = run(repair, data, "--preset", preset, "--strength", table, "--out", out, "--force-flip").stdout
    assert "are expected to be wrong; wrong labels, after minus before: " in forced


def test_default_repair_flips_no_label(data, tmp_path):
    table = measured(data, "--no-trust-votes") / "strength.parquet"
    found = json.loads(run(repair, data, "--strength", table, "--out", tmp_path / "r.jsonl", "--json").stdout)
    assert found["flipped"] == 0
    assert found["dropped"] == found["effect"]["dropped"]["n"] > 0
    kept = {pair.id: pair.label for pair in load_pairs(tmp_path / "r.jsonl")}
    assert kept == {pair.id: pair.label for pair in load_pairs(data) if pair.id in kept}


def test_a_label_of_three_responses_is_never_flipped(tmp_path):
    rows = [
        {"id": str(n), "responses": ["a", "b", f"c{n}"], "label": "A", "margins": [-2.0 if n < 4 else 3.0]}
        for n in range(20)
    ]
    source = tmp_path / "three.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(strength, source, "--out", tmp_path / "s")
    options = ["--preset", "flip", "--suspects", "sign", "--strength", tmp_path / "s/strength.parquet", "--force-flip"]
    counts = json.loads(run(repair, source, *options, "--out", tmp_path / "r.jsonl", "--json").stdout)
    assert counts["flipped"] == counts["effect"]["flipped"]["n"] == 0


def test_repair_exports_trainer_formats(data, tmp_path):
    table = measured(data) / "strength.parquet"
    options = ["--preset", "flip+margin", "--strength", table]
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


def test_repair_applies_reviewer_decisions(data, tmp_path):
    decisions = tmp_path / "decisions.jsonl"
    key = next(load_pairs(data)).content_key
    first = json.dumps({"id": "0", "label": "B", "key": key})
    decisions.write_text(first + '\n{"id": "1", "label": "A"}\n{"id": "2", "label": "tie"}\n')
    out = tmp_path / "repaired.jsonl"
    run(repair, data, "--decisions", decisions, "--out", out)
    pairs = {pair.id: pair for pair in load_pairs(out)}
    assert pairs["0"].label == "B"
    assert pairs["1"].label == "A"
    assert "2" not in pairs
    written = out.read_bytes()
    with pytest.raises(InputError, match=r"repaired.jsonl: already exists; choose another --out"):
        run(repair, data, "--decisions", decisions, "--out", out)
    with pytest.raises(InputError, match=r"pairs.jsonl: is read by this command and would be overwritten"):
        run(repair, data, "--decisions", decisions, "--out", data)
    assert out.read_bytes() == written


@pytest.mark.parametrize("verb", ["repair", "strength"])
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"id": "0"}'], r"d.jsonl:1: is no object with id and label"),
        (['{"id": "0", "label": "B"}', '{"id": "x", "label": "B"}'], r"d.jsonl:2: 1 decided pairs are not in .*'x'"),
        (['{"id": "0", "label": "C"}'], r"d.jsonl:1: pair '0' has no response 'C'"),
        (['{"id": "0", "label": "B", "key": "old"}'], r"d.jsonl:1: the text of pair '0' has changed"),
        (['{"id": "0", "label": "B", "key": 7}'], r"d.jsonl:1: key is 7, expected text"),
        (
            ['{"id": "0", "label": "B"}', '{"id": "0", "label": "A"}'],
            r"d.jsonl:2: pair '0' is 'A' here and 'B' in row 1",
        ),
    ],
)
def test_decisions_for_other_pairs_are_refused(data, tmp_path, lines, said, verb):
    decisions = tmp_path / "d.jsonl"
    decisions.write_text("\n".join(lines) + "\n")
    scores = ["--scores", tmp_path / "scores.parquet", "--trusted", decisions]
    command, options = (repair, ["--decisions", decisions]) if verb == "repair" else (strength, scores)
    with pytest.raises(InputError, match=said):
        run(command, data, *options, "--out", tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").is_file()


def edited(data, change):
    pairs = [change(pair) for pair in load_pairs(data)]
    data.write_text("".join(pair.model_dump_json() + "\n" for pair in pairs))


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"responses": ("x", "y")}, r"of 60 labelled pairs in .* 2 have another text; the first is '7'"),
        ({"label": "B"}, r"of 60 labelled pairs in .* 2 have another label; the first is '7'"),
    ],
)
def test_strength_table_of_changed_pairs_is_refused(data, tmp_path, update, said):
    table = measured(data) / "strength.parquet"
    edited(data, lambda pair: pair.model_copy(update=update) if pair.id in ("7", "20") else pair)
    if "label" in update:
        edited(data, lambda pair: pair.model_copy(update=update) if pair.id == "7" else pair)
    by = ["--preset", "drop", "--strength", table, "--out", tmp_path / "r.jsonl"]
    with pytest.raises(InputError, match=said):
        run(repair, data, *by)
    assert not (tmp_path / "r.jsonl").exists()


def test_strength_table_of_other_data_set_is_refused(data, tmp_path):
    table = measured(data) / "strength.parquet"
    edited(data, lambda pair: pair.model_copy(update={"id": f"other {pair.id}"}))
    with pytest.raises(
        InputError, match=r"strength.parquet: belongs to another data set: .* 60 are not in it; the first is 'other 0'"
    ):
        run(repair, data, "--strength", table, "--out", tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


def test_a_part_of_the_measured_pairs_can_be_repaired(data, tmp_path):
    table = measured(data) / "strength.parquet"
    data.write_text("".join(line + "\n" for line in data.read_text().splitlines()[6:40]))
    counts = json.loads(run(repair, data, "--strength", table, "--out", tmp_path / "r.jsonl", "--json").stdout)
    assert (counts["read"], counts["dropped"], counts["effect"]["dropped"]["n"]) == (34, 6, 6)


def test_command_line_choices_equal_presets():
    (option,) = [p for p in strength.command.params if p.name == "preset"]
    assert tuple(option.type.choices) == PRESETS
    (option,) = [p for p in repair.command.params if p.name == "preset"]
    assert set(option.type.choices) == set(PRESETS) - {"baseline"}


def test_scores_of_another_text_are_refused(tmp_path):
    file = write_pairs(tmp_path / "pairs.jsonl", 12)
    pairs = list(load_pairs(file))
    keys = [pair.content_key for pair in pairs]
    table = {"id": [pair.id for pair in pairs], "margin/m": [1.0] * len(pairs)}
    pq.write_table(pa.table(table | {"key": keys}), tmp_path / "same.parquet")
    pq.write_table(pa.table(table | {"key": ["0" * 32, *keys[1:]]}), tmp_path / "edited.parquet")
    run(strength, file, "--scores", tmp_path / "same.parquet", "--out", tmp_path / "s")
    with pytest.raises(InputError, match=f"edited.parquet: its scores of pair {pairs[0].id!r} are of another text"):
        run(strength, file, "--scores", tmp_path / "edited.parquet", "--out", tmp_path / "t")
