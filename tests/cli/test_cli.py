"""The command line as a user meets it: one-line errors, resuming, the same numbers from every way in."""

import json
import subprocess
import sys

import pytest

from rightly.cli import VERBS, main


def cli(*arguments, capsys):
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as done:
        code = done.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache" / "answers.db"))


@pytest.fixture
def pairs(tmp_path):
    rows = [
        {
            "id": f"p{i}",
            "context": [{"role": "user", "content": f"question {i}"}],
            "responses": ["a long answer that cites 1998", "short"],
            "label": "A" if i % 3 else "B",
            "rationales": [{"text": "Response A cites 1998"}, {"text": "Response B is short and clear"}],
        }
        for i in range(12)
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


BAD = [
    (["adit"], "unknown verb 'adit'; did you mean 'audit'?"),
    (["audit", "x.jsonl", "--jugde", "longer"], "'--jugde'. (Did you mean one of: '--budget', '--judge'?)"),
    (["judge", "{pairs}l", "--judge", "longer", "--out", "{out}"], "pairs.jsonl"),
    (["judge", "{pairs}", "--judge", "longr", "--out", "{out}"], "did you mean 'longer'?"),
    (["judge", "{pairs}", "--judge", "longer", "--judge", "longer", "--out", "{out}"], "is given twice"),
    (["judge", "{pairs}", "--judge", "panel:longer", "--out", "{out}"], "is a panel of one"),
    (["judge", "{pairs}", "--judge", "openai:m?temprature=0", "--out", "{out}"], "unknown option 'temprature'"),
    (
        ["judge", "{pairs}", "--judge", "openai:m?temperature=hot", "--out", "{out}"],
        "temperature: Input should be a valid number",
    ),
    (["judge", "{pairs}", "--judge", "openai:m?orders=both3", "--out", "{out}"], "orders=both3"),
    (["judge", "{pairs}", "--judge", "openai:m?format=rm-r2", "--out", "{out}"], "did you mean 'rm-r1'?"),
    (["judge", "{pairs}", "--judge", "openai:m?format=none.toml", "--out", "{out}"], "none.toml: cannot be read"),
    (["judge", "{pairs}", "--judge", "openai:m?votes=4", "--out", "{out}"], "add &temperature=0.7"),
    (["judge", "{pairs}", "--judge", "openai:m?votes=0", "--out", "{out}"], "use votes=N"),
    (["judge", "{pairs}", "--judge", "openai:m?format=rm-r1&structured=true", "--out", "{out}"], "no JSON schema"),
    (["judge", "{pairs}", "--judge", "openai:m?format=rm-r1&prompt=none", "--out", "{out}"], "none: the prompt cannot"),
    (["judge", "{pairs}", "--judge", "openai:m?prompt=none", "--out", "{out}"], "names no file of others"),
    (["judge", "{pairs}", "--judge", "openai:m?system=none.txt", "--out", "{out}"], "none.txt: the system prompt"),
    (["judge", "{pairs}", "--judge", "openai:m", "--budget", "1", "--out", "{out}"], "--price m=IN,OUT"),
    (["judge", "{pairs}", "--judge", "openai:m", "--price", "m=2", "--out", "{out}"], "is not MODEL=IN,OUT"),
    (["judge", "{pairs}", "--judge", "replay:none.jsonl", "--out", "{out}"], "none.jsonl"),
    (["judge", "{pairs}", "--judge", "longer", "--limit", "0", "--out", "{out}"], "--limit"),
    (["judge", "{pairs}", "--judge", "longer", "--out", "{pairs}"], "cannot create the folder"),
    (["judge", "{pairs}", "--judge", "longer", "--config", "none.toml", "--out", "{out}"], "none.toml"),
    (["audit", "{pairs}", "--judge", "longer", "--matcher", "lexcal", "--out", "{out}"], "did you mean 'lexical'?"),
    (["report", "{out}"], "holds no audit"),
    (["compare", "{out}"], "holds no audit"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(a)[:50] for a, _ in BAD])
def test_user_errors_are_one_line(arguments, said, pairs, tmp_path, capsys):
    filled = [argument.format(pairs=pairs, out=tmp_path / "out") for argument in arguments]
    code, out, err = cli(*filled, capsys=capsys)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("rightly: ")
    assert out == ""


def test_an_audit_without_rationales_says_what_to_do(tmp_path, capsys):
    path = tmp_path / "bare.jsonl"
    path.write_text('{"prompt": "q", "chosen": "a", "rejected": "b"}\n')
    code, _, err = cli(
        "audit", path, "--judge", "longer", "--matcher", "lexical", "--out", tmp_path / "o", capsys=capsys
    )
    assert code == 2
    assert "none of 1 pairs has a human rationale" in err
    assert "use rightly judge" in err


def test_audit_report_and_compare_agree_and_resume(pairs, tmp_path, capsys):
    out = tmp_path / "out"
    audit = ("audit", pairs, "--judge", "longer", "--judge", "first", "--matcher", "lexical", "--out", out)
    code, first, _ = cli(*audit, "--json", capsys=capsys)
    assert code == 0
    result = json.loads(first)
    assert result["judges"][0]["accuracy"]["value"] == pytest.approx(8 / 12)
    records = {name: (out / name).read_bytes() for name in ("judgments.jsonl", "points.jsonl", "matches.jsonl")}
    assert cli(*audit, "--json", capsys=capsys)[1] == first
    assert {name: (out / name).read_bytes() for name in records} == records
    assert cli("report", out, "--json", capsys=capsys)[1] == first
    changed = json.loads(cli("report", out, "--spurious-below", "1", "--json", capsys=capsys)[1])
    assert changed["judges"][0]["spurious"]["value"] == 1.0
    compared = json.loads(cli("compare", out, "--json", capsys=capsys)[1])
    assert compared["tests"] == result["tests"]
    assert "<html" in (out / "report.html").read_text()


def test_other_run_in_folder_is_refused_and_fresh_starts_over(pairs, tmp_path, capsys):
    judge = ("judge", pairs, "--judge", "longer", "--out", tmp_path / "out")
    assert cli(*judge, capsys=capsys)[0] == 0
    code, _, err = cli(*judge, "--seed", 1, capsys=capsys)
    assert code == 2
    assert "holds another run: seed was 0 and is now 1" in err
    assert cli(*judge, "--seed", 1, "--fresh", capsys=capsys)[0] == 0


def test_command_line_takes_precedence_over_config_file(pairs, tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(f'judge = ["longer", "first"]\nlimit = 5\nout = "{tmp_path / "out"}"\n')
    code, out, err = cli("judge", pairs, "--config", config, "--limit", 7, "--json", capsys=capsys)
    assert code == 0, err
    assert [(j["judge"], j["n_judgments"]) for j in json.loads(out)["judges"]] == [("longer", 7), ("first", 14)]
    config.write_text("jugde = 1\n")
    code, _, err = cli("judge", pairs, "--config", config, capsys=capsys)
    assert code == 2
    assert "unknown key 'jugde'" in err


def test_judge_streams_file_and_counts_labels(pairs, tmp_path, capsys):
    _, out, _ = cli("judge", pairs, "--judge", "longer", "--out", tmp_path / "out", "--json", capsys=capsys)
    (tally,) = json.loads(out)["judges"]
    assert tally == {
        "judge": "longer",
        "n_judgments": 12,
        "verdicts": {"A": 12, "B": 0, "tie": 0},
        "failures": {},
        "unread": 0,
        "n_labelled": 12,
        "accuracy": pytest.approx(8 / 12),
    }


def test_help_has_no_heavy_imports():
    heavy = "torch|transformers|numpy|scipy|krippendorff|pyarrow|aiohttp"
    code = (
        "import sys, re, rightly.cli\n"
        "try: rightly.cli.main(['--help'])\nexcept SystemExit: pass\n"
        f"loaded = [m for m in sys.modules if re.fullmatch('{heavy}', m)]\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    code, out, _ = cli(verb, "--help", capsys=capsys)
    assert code == 0
    assert "Usage: rightly" in out


def test_judge_training_demo_page_shows_all_rewards_and_answers(tmp_path, capsys):
    code, out, _ = cli("demo", "genrm", "--out", tmp_path / "demo", "--steps", 1, capsys=capsys)
    assert code == 0
    assert "pairs: hard" in out
    html = (tmp_path / "demo" / "report.html").read_text()
    assert html.count("<polyline") % 4 == 0
    for arm in ("outcome", "AP x outcome", "F1 x outcome", "F1 x outcome, restyled"):
        assert f"<h3>{arm}</h3>" in html


def test_an_audit_lives_beside_its_own_pairs(pairs, tmp_path, capsys):
    audit = ("audit", pairs, "--judge", "longer", "--matcher", "lexical", "--out", tmp_path)
    before = pairs.read_text()

    assert cli(*audit, capsys=capsys)[0] == 0
    first = (tmp_path / "audit.json").read_text()
    assert cli(*audit, "--fresh", capsys=capsys)[0] == 0
    assert cli("report", tmp_path, capsys=capsys)[0] == 0

    assert pairs.read_text() == before
    assert (tmp_path / "audit.json").read_text() == first
