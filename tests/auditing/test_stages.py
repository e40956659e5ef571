"""An audit from records to result: what counts, what is left out, and that order and resuming change nothing."""

import asyncio
import random

import pytest

from rightly.auditing.aggregate import AuditMetadata, audit_result
from rightly.auditing.cast import Cast, Maker
from rightly.auditing.points import GivenPoints
from rightly.auditing.scoring import score_judgments
from rightly.auditing.stages import OWNS, ask, items, reference_pairs, score_folder
from rightly.judges.base import JudgeIdentity
from rightly.judges.collect import current_judgments
from rightly.judges.held_out_person import AnnotatorJudge
from rightly.judges.heuristic import FirstJudge, LengthJudge
from rightly.judges.tally import LabelIndex
from rightly.matchers.base import Link, Match, MatchRecord
from rightly.matchers.lexical import LexicalMatcher
from rightly.reports.browser import item_kinds
from rightly.reports.findings import findings
from rightly.store.run_folder import RunFolder
from rightly.types import Judgment, Message, PreferencePair, Rationale, Vote


def pair(pair_id, label="A", context="hi", reasons=None):
    reasons = (f"Response A cites {pair_id}",) if reasons is None else reasons
    return PreferencePair(
        id=pair_id,
        context=(Message(role="user", content=context),),
        responses=("a longer response", "short"),
        label=label,
        rationales=tuple(Rationale(text=text) for text in reasons),
    )


def judgment(of, verdict="A", order="AB", reasons=None, **fields):
    reasons = (f"Response A cites {of.id}, {order}",) if reasons is None else reasons
    return Judgment(
        pair_id=of.id,
        pair_key=of.content_key,
        judge="j",
        made_by="j",
        order=order,
        verdict=verdict,
        rationales=tuple(Rationale(text=text, favors="A") for text in reasons),
        **fields,
    )


def points(of):
    return asyncio.run(GivenPoints().atomise(of))


def match(of, said, score=1.0, failure=None):
    links = () if failure else (Link(reference=0, candidate=0, score=score),)
    return MatchRecord(
        pair_id=of.id,
        judge="j",
        order=said.order,
        matcher="m",
        made_by="m",
        reference=tuple(r.text for r in of.rationales),
        candidate=tuple(r.text for r in said.rationales),
        match=Match(links=links, failure=failure),
    )


FACTS = AuditMetadata(
    source="s",
    cast=Cast(
        judges=(JudgeIdentity(name="j", fingerprint="j"),),
        atomiser=Maker(name="given", fingerprint="given"),
        matcher=Maker(name="m", fingerprint="m"),
        smoke_only=False,
    ),
    max_reasons=5,
    spurious_below=0.25,
    prices={},
)


def audited(pairs, judgments, matches):
    known = {p.id: p for p in pairs}
    scored = score_judgments(known, judgments, [points(p) for p in pairs], matches, 5)
    return audit_result(known, scored, FACTS)


def row(pairs, judgments, matches):
    return audited(pairs, judgments, matches).judges[0]


def test_audit_distinguishes_right_wrong_and_spurious_verdicts():
    pairs = [pair(str(i), context=str(i)) for i in range(4)]
    said = [judgment(pairs[0]), judgment(pairs[1]), judgment(pairs[2], verdict="B"), judgment(pairs[3], verdict="tie")]
    matches = [match(p, j, s) for p, j, s in zip(pairs, said, (1.0, 0.1, 0.5, 0.5), strict=True)]
    found = row(pairs, said, matches)
    assert found.accuracy.value == 0.5
    assert found.consistency.value == pytest.approx((1 + 0.1 + 0.5 + 0.5) / 4)
    assert found.spurious.value == 0.5
    assert found.consistency_right.value == pytest.approx(0.55)
    assert found.consistency_wrong.value == pytest.approx(0.5)
    assert found.grounded_accuracy.value == 0.25
    assert found.self_consistency.value == 0.5


def test_judge_failures_count_as_wrong_and_provider_failures_are_excluded():
    pairs = [pair(str(i), context=str(i)) for i in range(3)]
    said = [
        judgment(pairs[0]),
        judgment(pairs[1], verdict=None, failure="unparsed", reasons=()),
        judgment(pairs[2], verdict=None, failure="provider", reasons=()),
    ]
    found = row(pairs, said, [match(pairs[0], said[0])])
    assert (found.accuracy.value, found.accuracy.n) == (0.5, 2)
    assert (found.consistency.value, found.consistency.n) == (0.5, 2)
    assert found.failures == {"unparsed": 1, "provider": 1}


def test_failed_match_is_counted_and_excluded():
    pairs = [pair("1"), pair("2")]
    said = [judgment(p) for p in pairs]
    found = row(pairs, said, [match(pairs[0], said[0]), match(pairs[1], said[1], failure="unparsed")])
    assert (found.match_failures, found.consistency.n, found.accuracy.n) == (1, 1, 2)


def test_accuracy_combines_orders_by_pair_rule():
    pairs = [pair(str(i), context=str(i)) for i in range(4)]
    verdicts = [("A", "A"), ("A", "tie"), ("A", "B"), ("A", None)]
    said = []
    for each, (first, second) in zip(pairs, verdicts, strict=True):
        failure = None if second else "unparsed"
        said += [judgment(each, first), judgment(each, second, order="BA", failure=failure)]
    found = row(pairs, said, [])
    assert found.accuracy.value == 0.5
    assert found.accuracy_judgebench.value == 0.75
    assert found.accuracy_each_order.value == pytest.approx(5 / 8)
    assert found.both_right == 0.25
    assert found.position.n == 3


@pytest.mark.parametrize(("failure", "accuracy"), [("unparsed", 0.0), ("truncated", 0.0), ("provider", 1.0)])
def test_an_own_failure_in_one_order_makes_the_pair_wrong_and_a_failed_request_leaves_the_other_order(
    failure, accuracy
):
    one = pair("1")
    said = [judgment(one), judgment(one, None, order="BA", failure=failure, reasons=())]
    found = row([one], said, [match(one, said[0])])
    assert (found.accuracy.value, found.accuracy.n) == (accuracy, 1)
    assert found.accuracy_judgebench.value == 1.0
    index = LabelIndex([JudgeIdentity(name="j", fingerprint="j")])
    list(index.watch([one]))
    assert [tally.accuracy for tally in index.tally(said)] == [accuracy]
    (shown,) = items(score_judgments({"1": one}, said, [points(one)], [match(one, said[0])], 5), ["j"])
    assert ("wrong" in item_kinds(shown.judgments, "A", 0.25)) == (accuracy == 0)


def leaning(n, *, longer_right, shorter_right):
    """Half of the pairs are better where longer; the judge is right on so many of either half."""
    pairs = [pair(str(i), label="AB"[i % 2], context=str(i)) for i in range(2 * n)]
    rights = [i // 2 < (longer_right, shorter_right)[i % 2] for i in range(2 * n)]
    return pairs, [
        judgment(p, p.label if ok else "BA"["AB".index(p.label)]) for p, ok in zip(pairs, rights, strict=True)
    ]


def test_length_bias_is_reported_for_many_pairs_and_not_for_six():
    few = audited(*leaning(3, longer_right=3, shorter_right=1), [])
    assert few.judges[0].length_lean.value == pytest.approx(2 / 3)
    assert not any("leans" in line for line in findings(few))
    many = audited(*leaning(60, longer_right=57, shorter_right=30), [])
    assert any("leans to the longer response: right on 95.0% of 60 pairs" in line for line in findings(many))


def slots(n, first):
    """Pairs judged in both orders, so many of them for whatever is shown first, the others for a third each."""
    pairs = [pair(str(i), context=str(i)) for i in range(n)]
    said = []
    for i, each in enumerate(pairs):
        said += [judgment(each, "A"), judgment(each, "B" if i < first else "A", order="BA")]
    return pairs, said


def test_position_bias_is_reported_for_many_pairs_and_not_for_four():
    few = audited(*slots(4, 2), [])
    assert few.judges[0].position.lean.value == pytest.approx(0.5)
    assert any("changes its verdict with the order in 50.0% of pairs (n = 4)" in line for line in findings(few))
    assert not any("shown first gets more" in line for line in findings(few))
    many = audited(*slots(60, 30), [])
    assert any(
        "shown first gets more of the verdicts of j (75.0% of them; p <0.001)" in line for line in findings(many)
    )


def test_ties_and_missing_labels_count_in_consistency_and_not_in_accuracy():
    pairs = [pair("1", label="tie"), pair("2", label=None), pair("3", label="B")]
    said = [judgment(p) for p in pairs]
    result = audited(pairs, said, [match(p, j) for p, j in zip(pairs, said, strict=True)])
    assert (result.judges[0].accuracy.n, result.judges[0].consistency.n, result.n_labelled) == (1, 3, 1)


def test_consistency_excludes_pairs_without_points():
    pairs = [pair("1"), pair("2", reasons=())]
    said = [judgment(p) for p in pairs]
    assert row(pairs, said, [match(pairs[0], said[0])]).consistency.n == 1


def test_judgment_of_edited_pair_is_ignored():
    old = pair("1")
    edited = old.model_copy(update={"responses": ("other", "short")})
    who = [JudgeIdentity(name="j", fingerprint="j")]
    assert current_judgments([judgment(old)], [edited], who) == []
    assert current_judgments([judgment(old)], [old], who) == [judgment(old)]
    renamed = [JudgeIdentity(name="the same under another name", fingerprint="j")]
    assert [each.judge for each in current_judgments([judgment(old)], [old], renamed)] == [renamed[0].name]


def test_reasons_beyond_max_reasons_are_not_matched():
    one = pair("1")
    said = judgment(one, reasons=tuple(f"reason {i}" for i in range(9)))
    scored = score_judgments({"1": one}, [said], [points(one)], [], 5)
    assert len(scored[0].reasons) == 5


def test_scores_ignore_order_of_records():
    pairs = [pair(str(i), context=str(i % 7), label=random.Random(i).choice("AB")) for i in range(40)]
    said = [judgment(p, random.Random(i).choice(["A", "B", "tie"])) for i, p in enumerate(pairs)]
    matches = [match(p, j, 0.1 + i / 50) for i, (p, j) in enumerate(zip(pairs, said, strict=True))]
    before = audited(pairs, said, matches)
    for each in (pairs, said, matches):
        random.Random(1).shuffle(each)
    assert audited(pairs, said, matches) == before


def run(pairs, judges, folder, atomiser=None, matcher=None):
    atomiser, matcher = atomiser or GivenPoints(), matcher or LexicalMatcher()
    cast = Cast(
        judges=tuple(judge.identity for judge in judges),
        atomiser=Maker(name=atomiser.name, fingerprint=atomiser.fingerprint),
        matcher=Maker(name=matcher.name, fingerprint=matcher.fingerprint),
        smoke_only=True,
    )
    reference = reference_pairs(pairs, cast.judges, 0)
    asyncio.run(
        ask(
            pairs,
            judges,
            atomiser,
            matcher,
            splitter=None,
            reference=reference,
            folder=folder,
            max_reasons=5,
            stage=lambda name, total: lambda _: None,
        )
    )
    return score_folder(folder, pairs, reference, cast, 5)


def test_repeated_audit_makes_no_new_records_and_same_scores(tmp_path):
    pairs = [pair(str(i)) for i in range(5)]
    judges = [LengthJudge(longer=True), FirstJudge()]
    folder = RunFolder(tmp_path, {}, owns=OWNS)
    first = run(pairs, judges, folder)
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*.jsonl")}
    assert run(pairs, judges, RunFolder(tmp_path, {}, owns=OWNS)) == first
    assert {path.name: path.stat().st_size for path in tmp_path.glob("*.jsonl")} == sizes
    assert len(first) == 5 + 2 * 5


def test_held_out_annotator_is_removed_from_every_judges_reference(tmp_path):
    votes = tuple(Vote(annotator=f"w{i}", choice="A") for i in range(3))
    reasons = tuple(Rationale(text=f"A1 is better because of {i}", annotator=f"w{i}") for i in range(3))
    one = pair("1").model_copy(update={"votes": votes, "rationales": reasons})
    scored = run([one], [AnnotatorJudge(0), LengthJudge(longer=True)], RunFolder(tmp_path, {}, owns=OWNS))
    assert [len(each.points) for each in scored] == [2, 2]
    person = next(each for each in scored if each.judgment.judge == "annotator")
    assert person.judgment.rationales[0].text not in person.points


def test_notes_distinguish_unsplit_feedback_from_missing_reasons():
    pairs = [pair("bare", reasons=()), pair("failed"), pair("whole")]
    atoms = [
        points(pairs[0]),
        points(pairs[1]).model_copy(update={"failure": "provider", "points": ()}),
        points(pairs[2]),
    ]
    known = {p.id: p for p in pairs}
    scored = score_judgments(known, [judgment(p) for p in pairs], atoms, [match(pairs[2], judgment(pairs[2]))], 5)
    notes = "\n".join(audit_result(known, scored, FACTS).notes)
    assert "1 of 3 pairs have no human reasons and do not enter consistency." in notes
    assert "1 of 3 pairs have human reasons but no points of them yet" in notes
