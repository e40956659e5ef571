import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rightly.cli import main as rightly
from rightly.cli.train import command
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.matchers.cross_encoder import CrossEncoder, by_role, read_card
from rightly.matchers.trained import LocalMatcher
from rightly.matchers.validation.summhay import load_summhay
from rightly.training.matcher.data import (
    Contrast,
    Graded,
    Ranked,
    from_comve,
    from_contrasts,
    from_negations,
    from_summaries,
    from_votes,
    from_winowhy,
    read_contrasts,
)
from rightly.training.matcher.recipe import MatcherData, MatcherRecipe
from rightly.training.matcher.run import matcher_rows, train_matcher

CONTRAST = {
    "point": "Response A cites a source",
    "paraphrases": ["A gives a reference", "there is a source in A"],
    "opposites": ["Response A cites no source"],
    "changed": ["Response A cites a poem"],
    "topic": ["Response A's source is old"],
    "general": "Response A is well supported",
    "vague": "Response A is better",
}


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A BERT of two narrow layers over words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    texts = [text for case in load_summhay()[:40] for text in (*case.points, *case.bullets)]
    texts += [text for pair in load_pairs("sample:ukpconvarg1") for text in (reason.text for reason in pair.rationales)]
    words = sorted({word for text in texts for word in text.lower().replace(".", " ").replace(",", " ").split()})
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def table(tiny_encoder, tmp_path):
    return {
        "output": str(tmp_path / "matcher"),
        "model": {"base": tiny_encoder, "max_length": 64, "lora": {"rank": 2, "alpha": 4}},
        "data": {
            "topics": ["news", "sales"],
            "limit": 40,
            "negations": 10,
            "held_debates": ["tv-is-better-than-books"],
        },
        "trainer": {"per_device_train_batch_size": 16, "max_steps": 6, "use_cpu": True, "save_steps": 2, "seed": 3},
    }


def test_rows_from_votes_keep_the_order_that_votes_imply():
    pairs = list(load_pairs("sample:ukpconvarg1"))
    reasons = {}
    for pair in pairs:
        votes = {vote.annotator: vote.choice for vote in pair.votes}
        for reason in pair.rationales:
            reasons.setdefault(reason.text, set()).add((pair.id, votes.get(reason.annotator)))
    rows = list(from_votes(pairs))
    assert len(rows) > 1000
    for row in rows:
        same = reasons[row.reference] & reasons[row.nearer]
        assert {choice for _, choice in same} & {"A", "B"}
        if row.kind == "opposite vote":
            assert {pair for pair, _ in reasons[row.reference]} & {pair for pair, _ in reasons[row.farther]}


def test_rows_from_summaries_hold_all_links_of_people():
    cases = load_summhay()[:10]
    rows = list(from_summaries(cases))
    assert sum(row.kind == "link" for row in rows) == sum(
        len({(x.reference, x.candidate) for x in c.human}) for c in cases
    )
    assert {row.score for row in rows} == {0.0, 0.5, 1.0}


def test_rows_from_contrasts_grade_by_kind_and_swap_only_what_names_a_response():
    rows = list(from_contrasts([Contrast.model_validate(CONTRAST)]))
    grades = {row.kind: row.score for row in rows}
    expected = {
        "paraphrases": 1,
        "opposites": 0,
        "changed": 0.25,
        "topic": 0,
        "general": 0.5,
        "specific": 1,
        "vague": 0,
    }
    assert grades == expected | {"swap": 0}
    assert ("Response A cites a source", "Response B cites a source") in {row[:2] for row in rows if row.kind == "swap"}
    unnamed = {key: json.loads(json.dumps(value).replace("Response A", "it")) for key, value in CONTRAST.items()}
    assert "swap" not in {row.kind for row in from_contrasts([Contrast.model_validate(unnamed)])}


def test_rows_from_comve(tmp_path):
    columns = ["Correct Statement", "Incorrect Statement", "Right Reason1", "Confusing Reason1", "Confusing Reason2"]
    columns += ["Right Reason2", "Right Reason3"]
    path = tmp_path / "train.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, ["He drinks milk", "He drinks an apple", "r1", "c1", "c2", "r2", "r3"]])
    rows = list(from_comve(path))
    assert [row.reference for row in rows] == ["r1", "r2", "r3"]
    assert all(row.nearer.startswith("r") and row.nearer != row.reference and row.farther[0] == "c" for row in rows)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv: has no column 'Confusing Reason1'"):
        list(from_comve(tmp_path / "other.csv"))
    with pytest.raises(InputError, match="No such file"):
        list(from_comve(tmp_path / "none.csv"))


def test_rows_from_winowhy(tmp_path):
    reasons = [["v1", "human", 1.0, "Valid"], ["v2", "human", 0.8, "Valid"], ["i", "gpt", 0.0, "Invalid"]]
    row = {"text": {"txt1": "a", "pron": "it", "txt2": "b"}, "reasons": reasons}
    path = tmp_path / "winowhy.json"
    path.write_text(json.dumps([row]))
    assert [each[:3] for each in from_winowhy(path)] == [("v1", "v2", "i"), ("v2", "v1", "i")]
    path.write_text(json.dumps([row, {"text": "?"}]))
    with pytest.raises(InputError, match=r"winowhy\.json:2: is not a row of WinoWhy"):
        list(from_winowhy(path))


def test_negation_rows_contrast_human_reasons_with_opposites():
    rows = list(from_negations([Ranked("it is true", "that is right", "it is old", "comve", "confusing reason")]))
    assert Graded("it is true", "it is true", 1.0, "comve", "the same text") in rows
    ranked = [row for row in rows if isinstance(row, Ranked)]
    assert [row.nearer for row in ranked] == ["that is right"]
    assert ranked[0].farther in ("it is not true", "it is false")


def test_contrasts_name_file_and_row(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(CONTRAST) + "\n" + json.dumps({**CONTRAST, "vague": 3}) + "\n")
    with pytest.raises(InputError, match=r"own\.jsonl:2: vague: "):
        read_contrasts(path)


def test_shipped_contrasts_can_be_read_and_none_is_a_probe():
    from rightly.matchers.validation.probes import load_probes
    from rightly.training.matcher.run import contrast_file

    contrasts = read_contrasts(contrast_file("written"))
    texts = {each.point for each in contrasts}
    assert len(texts) == len(contrasts) > 60
    assert not texts & {text for probe in load_probes() for text in (probe.human, probe.judge)}


def test_held_out_debates_and_topics_give_no_training_row():
    data = MatcherData(topics=("news",), contrasts=(), negations=0, held_debates=("tv-is-better-than-books",))
    rows, held = matcher_rows(data, 0)
    texts = {text for row in rows for text in row[:3] if isinstance(text, str)}
    away = {
        r.text for p in load_pairs("sample:ukpconvarg1") if (p.domain or "").startswith("tv-") for r in p.rationales
    }
    elsewhere = {
        r.text for p in load_pairs("sample:ukpconvarg1") if not (p.domain or "").startswith("tv-") for r in p.rationales
    }
    assert not texts & (away - elsewhere)
    assert not texts & {point for case in load_summhay() if case.topic != "news" for point in case.points}
    assert {row.source for row in held} == {"written"}  # the open probes alone


def test_by_role_ignores_side_and_naming():
    ways = [("Response A is short", "unlike B, A is brief"), ("B is short", "unlike A, B is brief")]
    ways.append(("the first answer is short", "unlike Response 2, Response 1 is brief"))
    assert {by_role(*way) for way in ways} == {("X is short", "unlike Y, X is brief")}
    assert by_role("It is short", "B is brief") == ("It is short", "X is brief")


def test_a_matcher_is_trained_saved_and_matches(table, tmp_path):
    import asyncio

    trained = train_matcher(MatcherRecipe.model_validate(table))
    card = read_card(trained.folder)
    assert card == trained.card
    assert set(card.held_out) == {"summhay: doctor", "votes: tv-is-better-than-books"}
    assert sum(card.sources.values()) > 200
    assert (
        json.loads((trained.folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        == table["model"]["base"]
    )
    matcher = LocalMatcher(str(trained.folder))
    assert matcher.held_out == set(card.held_out)
    points = ("Response A cites a source", "Response A lists three causes")
    reasons = ("Response A cites a source", "Response B cites a source", "Response A is better", "A lists five causes")
    match = asyncio.run(matcher.match(points, reasons))
    pairs = [(point, reason) for point in points for reason in reasons]
    scores = dict(zip(pairs, CrossEncoder.load(trained.folder).scores(pairs), strict=True))
    found = {(points[link.reference], reasons[link.candidate]): link.score for link in match.links}
    same = (points[0], reasons[0])
    assert found.get(same, 0) == pytest.approx(scores[same] if scores[same] >= 0.1 else 0, abs=1e-3)
    for gated in ((points[0], reasons[1]), (points[0], reasons[2]), (points[1], reasons[3])):
        assert found.get(gated, 0) <= 0.2 * scores[gated] + 1e-3
    assert asyncio.run(matcher.match((), reasons)).links == ()
    assert asyncio.run(matcher.match(("длинный текст",), ("A is " + "very " * 300 + "long",))).detail.endswith(
        "2 of 2 texts"
    )


def test_matcher_scores_do_not_depend_on_batch(table):
    folder = train_matcher(
        MatcherRecipe.model_validate(table | {"trainer": table["trainer"] | {"max_steps": 2}})
    ).folder
    encoder = CrossEncoder.load(folder)
    pairs = [("A is short", "B is " + "very " * n + "long") for n in range(40)]
    together = encoder.scores(pairs)
    assert [encoder.scores([pair])[0] for pair in pairs[::8]] == pytest.approx(together[::8].tolist(), abs=1e-5)


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
    assert again.card.weights == pytest.approx(whole.card.weights, abs=1e-4)


def test_train_matcher_command_and_local_spec(table, tmp_path):
    path = tmp_path / "matcher.toml"
    path.write_text(
        f"output = {json.dumps(table['output'])}\n[model]\nbase = {json.dumps(table['model']['base'])}\nlora = {{ rank = 2 }}\n"
        "[data]\nlimit = 20\nnegations = 4\n[trainer]\nmax_steps = 1\nuse_cpu = true\n"
    )
    done = CliRunner().invoke(command, ["matcher", str(path), "--set", "trainer.max_steps=2"])
    assert done.exit_code == 0, done.output
    assert f"matcher: local:{table['output']}" in done.output
    assert "written: opposites" in done.output


def test_the_shipped_recipe_trains(tiny_encoder, tmp_path):
    from rightly.training.common.recipe import check_recipe, read_table

    path = Path(__file__).parents[3] / "recipes" / "matcher.toml"
    small = [f"output={tmp_path}", f"model.base={tiny_encoder}", "data.votes=['sample:ukpconvarg1']", "data.limit=8"]
    small += ["data.negations=2", "trainer.max_steps=1", "trainer.disable_tqdm=true"]
    table = read_table(path, small)
    assert table["data"].pop("comve") == "train.csv.gz"
    trained = train_matcher(check_recipe(MatcherRecipe, table, str(path)))
    assert trained.steps == 1
    assert 0 < trained.card.operating_point < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.held_debates=['no-such']"], r"data\.held_debates: no pair belongs to the debate 'no-such'"),
        (["data.votes=[]", "data.contrasts=[]"], r"\[data\]: no row to train on"),
        (["data.limits=3"], r"data\.limits: is not a key of a recipe"),
        (["trainer.learning_rat=1"], r"no argument 'learning_rat'"),
        (["model.base='/no/such/folder'"], r"/no/such/folder"),
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
