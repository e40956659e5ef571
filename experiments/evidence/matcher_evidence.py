"""Which matcher can be trusted: people's links, voters' reasons, right and confusing reasons, written near misses, and speed.

    python experiments/evidence/matcher_evidence.py --matcher lexical --matcher embedding --matcher local:runs/matcher \\
        --ukp pairs.jsonl.gz --comve FOLDER --winowhy winowhy.json
    python experiments/evidence/matcher_evidence.py --quick          # shipped data, some cases: does it run?

SummHay: all 200 summaries (recipes/matcher.toml uses none). UKPConvArg1: the debates that the recipe holds out, for every row.
ComVE: the test part. WinoWhy: all (the recipe uses none). Probes: both halves; matchers are calibrated on the open one. Prints
tables in Markdown; what was measured is kept in --work.
"""

import argparse
import asyncio
import csv
import json
import random
import time
from pathlib import Path

from rightly.data.load import load_pairs
from rightly.inference.account import Account
from rightly.inference.dispatch import run_bounded
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.matchers.base import Matcher
from rightly.matchers.language_model import LLMMatcher
from rightly.matchers.specs import MatcherBuilder
from rightly.matchers.validation.human_links import check_matcher, reliability
from rightly.matchers.validation.probes import check_probes
from rightly.matchers.validation.summhay import load_summhay
from rightly.matchers.validation.voters import check_voters
from rightly.metrics.clustered import clustered_mean
from rightly.training.matcher.data import Ranked, winowhy_questions

HELD = (
    "ban-plastic-water-bottles",
    "is-porn-wrong",
    "personal-pursuit-or-advancing-the-common-good",
    "tv-is-better-than-books",
)
CANNED = "is the more convincing argument"


def comve_test(folder: Path, count: int) -> list[Ranked]:
    """Three people's reasons why a statement is against common sense, and two confusing options."""
    with (folder / "Test Data" / "subtaskC_gold_answers.csv").open(encoding="utf-8") as file:
        right = {row[0]: row[1:4] for row in csv.reader(file) if len(row) >= 4}
    with (folder / "Test Data" / "subtaskB_gold_answers.csv").open(encoding="utf-8") as file:
        answers = {row[0]: row[1] for row in csv.reader(file) if len(row) >= 2}
    rows = []
    with (folder / "Test Data" / "subtaskB_test_data.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row["id"]
            if name not in right or name not in answers:
                continue
            confusing = [row[f"Option{letter}"] for letter in "ABC" if letter != answers[name]]
            rows += [Ranked(right[name][0], right[name][1], each, "comve", "confusing") for each in confusing]
    return random.Random(0).sample(rows, min(count, len(rows)))


def winowhy(path: Path, count: int) -> list[Ranked]:
    draw, rows = random.Random(0), []
    for question in winowhy_questions(path):
        for place, reason in enumerate(question.valid):
            others = [each for i, each in enumerate(question.valid) if i != place]
            if others and question.invalid:
                chosen = draw.choice(others), draw.choice(question.invalid)
                rows.append(Ranked(reason, *chosen, "winowhy", question.text))
    return draw.sample(rows, min(count, len(rows)))


async def order(matcher: Matcher, rows: list[Ranked]) -> dict:
    """How often the nearer reason scores above the farther one, ties one half."""

    async def one(row: Ranked) -> tuple[Ranked, float]:
        match = await matcher.match((row.reference,), (row.nearer, row.farther))
        best = [0.0, 0.0]
        for link in match.links:
            best[link.candidate] = link.score
        return row, 1.0 if best[0] > best[1] else 0.5 if best[0] == best[1] else 0.0

    done = [found async for found in run_bounded(rows, one, concurrency=matcher.concurrency)]
    found = clustered_mean([win for _, win in done], [row.reference for row, _ in done])
    low, high = found.share_ends()
    return {"value": found.value, "low": low, "high": high, "n": found.n}


def canned(pairs: list) -> list[Ranked]:
    """A fellow voter's reason, and one that would fit any vote for that side."""
    rows = []
    for pair in pairs:
        votes = {vote.annotator: vote.choice for vote in pair.votes}
        said: dict[str, list[str]] = {}
        for reason in pair.rationales:
            said.setdefault(votes[reason.annotator], []).append(reason.text)
        for choice, side in (("A", "A1"), ("B", "A2")):
            texts = said.get(choice, [])
            if len(texts) > 1:
                rows.append(Ranked(texts[0], texts[1], f"{side} {CANNED}", "votes", "canned"))
    return rows


class Slow:
    """An endpoint that answers after 200 ms."""

    name = fingerprint = "slow"
    concurrency = 64

    async def generate(self, request: object) -> Completion:
        await asyncio.sleep(0.2)
        return Completion(text="<matches>\n" + "\n".join(f"R{n}@S{n}: 0.9" for n in range(1, 6)) + "\n</matches>")

    async def aclose(self) -> None:
        pass


async def lists_a_second(matcher: Matcher, lists: list) -> float:
    await matcher.match(*lists[0])
    start = time.perf_counter()
    async for _ in run_bounded(lists[1:], lambda pair: matcher.match(*pair), concurrency=matcher.concurrency):
        pass
    return (len(lists) - 1) / (time.perf_counter() - start)


async def measure(matcher: Matcher, options: argparse.Namespace) -> dict:
    def quiet(_: object) -> None:
        pass

    cases = load_summhay()[: 6 if options.quick else None]
    pairs = [pair for pair in load_pairs(options.ukp) if (pair.domain or "").split("/", 1)[0] in HELD]
    pairs = random.Random(0).sample(pairs, min(len(pairs), 20 if options.quick else options.pairs))
    found, _ = await check_matcher(matcher, cases, quiet)
    results: dict = {"summhay": found.model_dump()}
    results["topics"] = {
        topic: (await check_matcher(matcher, [c for c in cases if c.topic == topic], quiet))[0].auc_covered.model_dump()
        for topic in sorted({case.topic for case in cases})
    }
    results["voters"] = (await check_voters(matcher, pairs, quiet)).model_dump()
    results["canned"] = await order(matcher, canned(pairs))
    if options.comve:
        results["comve"] = await order(matcher, comve_test(options.comve, options.rows))
    if options.winowhy:
        results["winowhy"] = await order(matcher, winowhy(options.winowhy, options.rows))
    for half in ("open", "held"):
        results[f"probes {half}"] = (await check_probes(matcher, quiet, half=half)).model_dump()
    reasons = [reason.text for pair in pairs for reason in pair.rationales]
    draw = random.Random(1)
    count = 8 if options.quick else 120
    lists = [(tuple(draw.sample(reasons, 5)), tuple(draw.sample(reasons, 5))) for _ in range(count)]
    results["lists_a_second"] = await lists_a_second(matcher, lists)
    await matcher.aclose()
    return results


def shown(estimate: dict | None) -> str:
    if not estimate or estimate["value"] is None:
        return ""
    interval = "" if estimate["low"] is None else f" [{estimate['low']:.2f}, {estimate['high']:.2f}]"
    return f"{estimate['value']:.3f}{interval}"


def print_tables(found: dict[str, dict]) -> None:
    print("| matcher | AUC, 200 summaries | news | doctor | sales | Spearman | F1 of links |\n" + "| --- " * 7 + "|")
    for name, each in found.items():
        check = each["summhay"]
        topics = " | ".join(shown(each["topics"].get(topic)) for topic in ("news", "doctor", "sales"))
        print(f"| {name} | {shown(check['auc_covered'])} | {topics} | {shown(check['spearman'])} | {check['f1']:.2f} |")
    cases = load_summhay()
    for name in cases[0].stored:
        check = reliability(name, cases, {case.id: case.stored[name] for case in cases}).model_dump()
        topics = []
        for topic in ("news", "doctor", "sales"):
            some = [case for case in cases if case.topic == topic]
            links = {case.id: case.stored[name] for case in some}
            topics.append(shown(reliability(name, some, links).auc_covered.model_dump()))
        row = f"{shown(check['auc_covered'])} | {' | '.join(topics)} | {shown(check['spearman'])} | {check['f1']:.2f} |"
        print(f"| {name} (stored) | {row}")
    print(
        "\n| matcher | above another pair's | above opposite vote | above canned | ComVE | WinoWhy | lists of 5 x 5 a second |"
    )
    print("| --- " * 6 + "| --: |")
    for name, each in found.items():
        voters = each["voters"]
        row = [shown(voters["against_elsewhere"]), shown(voters["against_opposite"]), shown(each["canned"])]
        row += [shown(each.get("comve")), shown(each.get("winowhy")), f"{each['lists_a_second']:.1f}"]
        print(f"| {name} | {' | '.join(row)} |")
    for half in ("held", "open"):
        kinds = ("paraphrase", "polarity", "swap", "same topic", "vague", "number", "general")
        print(f"\n| probes, {half} half | at | {' | '.join(kinds)} | AUC |\n| --- | --- |{' --- |' * len(kinds)} --- |")
        for name, each in found.items():
            check = each[f"probes {half}"]
            shares = " | ".join(f"{check['accepted'][kind]['value']:.2f}" for kind in kinds)
            print(f"| {name} | {check['accepted_at']} | {shares} | {shown(check['auc'])} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matcher", action="append", help="A matcher's spec; repeat.")
    parser.add_argument("--ukp", default="sample:ukpconvarg1", help="UKPConvArg1's pairs with reasons.")
    parser.add_argument("--comve", type=Path, help="Folder of ComVE.")
    parser.add_argument("--winowhy", type=Path, help="winowhy.json.")
    parser.add_argument("--pairs", type=int, default=400, help="Pairs of the held-out debates.")
    parser.add_argument("--rows", type=int, default=800, help="Rows of ComVE and of WinoWhy.")
    parser.add_argument("--work", type=Path, default=Path("runs/matcher_evidence"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    builder = MatcherBuilder(cache=None, account=Account())
    found: dict[str, dict] = {}
    for spec in options.matcher or ["lexical"]:
        matcher = builder.matcher(spec)
        path = options.work / f"{matcher.name.replace('/', '_')}.json"
        if options.quick or not path.exists():
            path.write_text(json.dumps(asyncio.run(measure(matcher, options))))
        found[matcher.name] = json.loads(path.read_text())
    print_tables(found)
    slow = LLMMatcher("an endpoint of 200 ms at 64 concurrent", Slow(), Sampling())  # type: ignore[arg-type]
    lists = [(tuple("abcde"), tuple("fghij"))] * 641
    print(f"\n{slow.name}: {asyncio.run(lists_a_second(slow, lists)):.0f} lists a second")


if __name__ == "__main__":
    main()
