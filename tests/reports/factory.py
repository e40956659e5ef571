"""An audit's result and items, made up, for the reports' tests."""

from rightly.auditing.result import (
    AuditResult,
    Item,
    ItemJudgment,
    JudgeResult,
    LengthRow,
    PairedTest,
    Position,
    RankPrecision,
)
from rightly.matchers.base import Link
from rightly.metrics.estimate import Estimate, Tested
from rightly.types import Usage


def estimate(value, half=0.04, n=100):
    if value is None:
        return Estimate(value=None, low=None, high=None, n=0)
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n)


def lean(value, p, n=100):
    return Tested(value=value, low=value - 0.1, high=value + 0.1, n=n, p=p)


def judge(name="model", accuracy=0.7, consistency=0.4, **changes):
    fields = {
        "judge": name,
        "n_pairs": 100,
        "n_judgments": 200,
        "failures": {},
        "match_failures": 0,
        "accuracy": estimate(accuracy),
        "accuracy_judgebench": estimate(accuracy),
        "accuracy_each_order": estimate(accuracy),
        "both_right": 0.6,
        "consistency": estimate(consistency),
        "unconstrained": estimate(None if consistency is None else min(1.0, consistency + 0.05)),
        "precision": estimate(consistency),
        "f1": estimate(consistency),
        "ap_hard": estimate(consistency),
        "ap_soft": estimate(consistency),
        "recall_official": estimate(consistency),
        "precision_official": estimate(consistency),
        "f1_official": estimate(consistency),
        "ap_official": estimate(consistency),
        "spurious": estimate(0.05),
        "consistency_right": estimate(consistency),
        "consistency_wrong": estimate(consistency),
        "grounded_accuracy": estimate(0.5),
        "self_consistency": estimate(0.98),
        "list_length": 4.2,
        "position": Position(n=95, consistency=0.95, first_slot=0.5, second_slot=0.5),
        "precision_by_rank": tuple(RankPrecision(rank=r, n=90, matched=0.6 / r, score=0.5 / r) for r in (1, 2, 3)),
        "by_length": (
            LengthRow(longer_is_better=True, n=60, accuracy=0.72, chose_longer=0.7),
            LengthRow(longer_is_better=False, n=40, accuracy=0.68, chose_longer=0.3),
        ),
        "by_domain": {},
        "groups_accuracy": "a",
        "groups_consistency": "a",
        "usage": Usage(input_tokens=12_000, output_tokens=3_000),
        "cost": 0.42,
    }
    return JudgeResult(**(fields | changes))


def paired_test(first, second, **changes):
    fields = {
        "first": first,
        "second": second,
        "n": 100,
        "only_first": 20,
        "only_second": 10,
        "accuracy_difference": estimate(0.1),
        "p_accuracy": 0.0987,
        "consistency_difference": estimate(0.12),
        "p_consistency": 0.0004,
        "needed_n": 240,
    }
    return PairedTest(**(fields | changes))


def result(*judges, tests=(), **changes):
    fields = {
        "source": "pairs.jsonl",
        "n_pairs": 100,
        "n_labelled": 100,
        "n_with_rationales": 100,
        "n_points": 431,
        "atomiser": "given",
        "matcher": "openai:m",
        "matcher_smoke_only": False,
        "reliability": ("AUC 0.91",),
        "max_reasons": 5,
        "spurious_below": 0.25,
        "judges": judges,
        "tests": tests,
        "agreement": 0.61,
        "human_agreement": 0.34,
        "notes": (),
        "version": "0.1.0",
    }
    return AuditResult(**(fields | changes))


def item(pair_id="p1", *, right=True, consistency=0.5, responses=("one", "two"), reason="A is exact", **changes):
    judgment = ItemJudgment(
        judge="model",
        order="AB",
        verdict="A" if right else "B",
        failure=None,
        detail="",
        right=right,
        reasons=(reason,),
        links=(Link(reference=0, candidate=0, score=consistency),) if consistency else (),
        resolved=(Link(reference=0, candidate=0, score=consistency),) if consistency else (),
        metrics={"consistency": consistency},
    )
    fields = {
        "pair_id": pair_id,
        "domain": "d",
        "context": "user: hi",
        "responses": responses,
        "label": "A",
        "votes": ("A", "A", "B"),
        "points": ("Response A is exact",),
        "judgments": (judgment,),
    }
    return Item(**(fields | changes))
