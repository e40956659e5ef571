"""The demo from the command line: its numbers are those of its records, and the hard example never stands unexplained."""

import contextlib
import gzip
import io
import json
import re
from html import unescape
from statistics import fmean

import pytest

from rightly.cli import main
from rightly.data.samples import confusing_reasons, sample_path
from rightly.jobs import demo
from rightly.jobs.demo_judges import CANNED, MISLED, PERSON

LIMIT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The run folder of a small demo, with what it printed."""
    made = tmp_path_factory.mktemp("demo")
    whole = demo.load_summhay()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIGHTLY_CACHE", str(made / "cache" / "answers.db"))
        patch.setattr(demo, "load_summhay", lambda: whole[::6])
        for name, extra in (("printed.txt", ()), ("printed.json", ("--json",))):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                main(["demo", "--matcher", "lexical", "--limit", str(LIMIT), "--out", str(made / "run"), *extra])
            (made / "run" / name).write_text(printed.getvalue())
    return made / "run"


def records(folder, name):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def by_judge(folder):
    """From the records alone: each judge's verdict, points, reason and best score on each pair."""
    pairs = [json.loads(line) for line in gzip.decompress(sample_path("comve").read_bytes()).splitlines()[:LIMIT]]
    said = {(each["pair_id"], each["judge"]): each for each in records(folder, "judgments.jsonl")}
    matched = {
        (tuple(each["reference"]), tuple(each["candidate"])): each["match"]["links"]
        for each in records(folder, "matches.jsonl")
    }
    rows = []
    for pair in pairs:
        held = said[pair["id"], PERSON]["rationales"][0]["annotator"]
        points = tuple(dict.fromkeys(r["text"] for r in pair["rationales"] if r["annotator"] != held))
        for name in (PERSON, MISLED, CANNED):
            judgment = said[pair["id"], name]
            reason = judgment["rationales"][0]["text"]
            links = matched[points, (reason,)]
            score = max((link["score"] for link in links), default=0.0)
            rows.append((pair, name, judgment["verdict"], points, reason, score))
    return rows


def figures(folder):
    rows = by_judge(folder)
    return {
        name: fmean(score / len(points) for _, judge, _, points, _, score in rows if judge == name)
        for name in (PERSON, MISLED, CANNED)
    }


def test_the_three_judges_have_the_same_right_verdicts(folder):
    for pair, _, verdict, _, _, _ in by_judge(folder):
        assert verdict == pair["label"]
    assert len({each["judge"] for each in records(folder, "judgments.jsonl")}) == 3


def test_all_judges_are_measured_against_the_two_reasons_of_the_others(folder):
    confusing = confusing_reasons()
    for pair, name, _, points, reason, _ in by_judge(folder):
        assert not set(points) & set(confusing[pair["id"]])
        assert (reason in confusing[pair["id"]]) == (name == MISLED)
        if name == PERSON:
            assert reason in {r["text"] for r in pair["rationales"]} - set(points)
    expected = {points for *_, points, _, _ in by_judge(folder)}
    assert {tuple(each["reference"]) for each in records(folder, "matches.jsonl")} == expected


def test_the_sentence_states_the_figures_of_the_records(folder):
    found = figures(folder)
    numbers = [f"{found[name]:.3f}" for name in (PERSON, MISLED, CANNED)]
    html = unescape((folder / "report.html").read_text())
    (headline,) = re.findall(r'<h1 class="point">(.*?)</h1>', html)
    assert re.findall(r"\d\.\d{3}", headline) == numbers
    assert headline.startswith(f"Right on all {LIMIT} pairs, ")
    printed = json.loads((folder / "printed.json").read_text())
    assert printed["point"] == headline
    assert " ".join((folder / "printed.txt").read_text().split()).startswith(headline)


def test_the_matchers_reliability_on_this_task_is_that_of_the_records(folder):
    scores = {(pair["id"], name): score for pair, name, _, _, _, score in by_judge(folder)}
    both = [(scores[pair_id, PERSON], scores[pair_id, MISLED]) for pair_id, name in scores if name == PERSON]
    above = fmean(1.0 if one > two else 0.5 if one == two else 0.0 for one, two in both)
    check = json.loads((folder / "printed.json").read_text())["check"]
    assert check["above"]["value"] == pytest.approx(above)
    assert check["above"]["n"] == LIMIT
    assert check["above"]["low"] < above < check["above"]["high"]
    accepted = fmean(one >= check["operating_point"] for one, _ in both)
    assert check["accepted"][PERSON]["value"] == pytest.approx(accepted)
    assert f"{above:.3f}" in (folder / "report.html").read_text()


def test_the_shown_pair_is_the_first_whose_right_reason_alone_is_accepted(folder):
    point = json.loads((folder / "printed.json").read_text())["check"]["operating_point"]
    rows = by_judge(folder)
    accepted = {}
    for pair, name, _, _, _, score in rows:
        accepted.setdefault(pair["id"], set()).update({name} if score >= point else ())
    first = next(pair_id for pair_id, names in accepted.items() if names == {PERSON})
    html = (folder / "report.html").read_text()
    lead = html[html.index('class="lead"') : html.index('id="made"')]
    assert f"{first}." in lead
    texts = [reason for pair, _, _, _, reason, _ in rows if pair["id"] == first]
    assert all(text in unescape(lead) for text in texts)


def test_the_person_of_the_hard_example_never_stands_without_its_explanation(folder):
    summary = json.loads((folder / "printed.json").read_text())
    person = next(judge for judge in summary["second_judges"] if judge["person"])
    shown = f"{person['consistency']['value']:.3f}"
    assert person["spurious"]["value"] == 1.0
    explanation = "as a fault of the person"
    assert explanation in summary["second_point"][0]
    html = (folder / "report.html").read_text()
    second = html[html.index('<section id="second">') :]
    second = second[: second.index("</section>")]
    assert second.index(explanation) < second.index("<table")
    assert shown in second[second.index("<table") :]
    for heard in ("other voters", "different reasons", "argument as a whole", "fellow voter"):
        assert heard in unescape(second[: second.index("<table")]).replace("\n", " ")
    printed = " ".join((folder / "printed.txt").read_text().split())
    assert 0 < printed.index(explanation) < printed.index("annotator 0.")


def test_the_first_screen_comes_before_everything_else(folder):
    html = (folder / "report.html").read_text()
    order = "class=point class=scatter class=pair id=made id=check id=judges id=second id=added-1".split()
    places = [html.index(re.sub("=(.*)", r'="\1"', each)) for each in order]
    assert places == sorted(places)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))
