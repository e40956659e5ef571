"""A published run audited from its own file: no model is asked, and the figures are those of the released scripts."""

import json

import pytest
from click.testing import CliRunner

from rightly.cli.audit import command

JUDGED = [
    (["A is right", "B is vague", "B is long"], "A>B", "R1@S1: 1", "R2@S3: 0.5"),
    (["A cites", "B is rude", "C", "D", "E", "F"], "B>A", "R1@S2: 0", "R2@S6: 1"),
    (["A is odd"], "A>>B", "R1@S1: 0.5", "R2@S1: 0.25"),
]
"""List, label and answer lines of each row; the second list is longer than the script reads."""


def result(number, listed, label, *lines, status="success"):
    row = {
        "context": [{"role": "user", "content": f"question {number}"}],
        **{"response1": "one", "response2": "two", "overall_preference": -1},
        **{"human-checklist": ["Response 1 is right", "Response 2 is vague"]},
        **{"m-checklist": listed, "m-label": label, "m-generated_text": "..."},
    }
    answer = "<RESULT_START>\n" + "\n".join(f"- {line}" for line in lines) + "\n<RESULT_END>"
    return {"prompt": "p", "samples": [{"generated_text": answer}], "status": status, "metadata": row}


def audited(tmp_path, monkeypatch, rows, *options):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "answers.db"))
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = CliRunner().invoke(command, ["results.jsonl", "--out", "out", *options], catch_exceptions=False)
    assert done.exit_code == 0
    (judge,) = json.loads((tmp_path / "out" / "audit.json").read_text())["judges"]
    return judge, done.output


@pytest.mark.parametrize("longest", [(), ("--max-reasons", "10")])
def test_result_file_of_the_metajudge_gives_the_four_official_figures(tmp_path, monkeypatch, longest):
    long = ([f"reason {n}" for n in range(11)], "A>B", "R1@S1: 1", "R2@S2: 1")
    rows = [result(number, *each) for number, each in enumerate(JUDGED)]
    rows += [result(3, ["x"], "A>B", "R1@S1: 1", status="format_error"), result(4, *long), result(5, [], "A>B", "")]
    judge, _ = audited(
        *(tmp_path, monkeypatch, rows, "--judge", "replay:results.jsonl?model=m"),
        *("--matcher", "rationalerm-official:results.jsonl", *longest),
    )
    by_hand = {
        "precision_official": (1.5 / 3, 0, 0.5),
        "recall_official": (1.5 / 2, 0, 0.75 / 2),
        "f1_official": (0.6, 0, 2 * 0.5 * 0.375 / 0.875),
        "ap_official": ((1 + 0.75) / 2, 0, 0.5 / 2),
    }
    for name, values in by_hand.items():
        assert judge[name]["value"] == pytest.approx(sum(values) / 3, abs=1e-12)
        assert judge[name]["n"] == 3
    assert (judge["match_failures"], judge["accuracy"]["value"]) == (1, pytest.approx(5 / 6))


def test_r_align_result_file_gives_s_corr_and_f(tmp_path, monkeypatch):
    verdicts = [("A", "Correct"), ("A", "Correct"), ("A", "Incorrect"), ("A", "CallFail"), ("A", "ParseFail")]
    verdicts += [("B", "SkippedLabelMismatch"), (None, "SkippedLabelMismatch")]
    rows = [
        {
            **{"id": str(n), "conversations": [{"role": "user", "content": f"question {n}"}]},
            **{"response_A": "one", "response_B": "two", "gt_label": "A", "gt_judgment": "two is wrong"},
            **{"model_judgment": pred and "two is wrong", "model_pred": pred, "metarm_verdict": meta},
        }
        for n, (pred, meta) in enumerate(verdicts)
    ]
    judge, printed = audited(
        tmp_path, monkeypatch, rows, "--judge", "replay:results.jsonl?model=model", "--matcher", "lexical"
    )
    figures = judge["explanations"]
    assert figures["label_accuracy"]["value"] == pytest.approx(5 / 7)
    assert figures["spurious_correctness"]["value"] == pytest.approx(1 / 3)
    assert figures["fidelity"]["value"] == pytest.approx(2 / 5)
    assert "S-Corr" in printed
    assert "fidelity: right verdicts with reasons" in (tmp_path / "out" / "report.html").read_text()
