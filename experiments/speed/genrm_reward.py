"""Seconds that a reward of judgments adds to a training step, with a matcher behind an endpoint of 200 ms.

    python experiments/speed/genrm_reward.py [--prompts 256] [--samples 8] [--concurrency 64] [--steps 3]

Prompts and samples are those of the paper. Answers are drawn in the miniature world from a noisy annotator, so that equal
lists come back within a group as they do from a policy. Arms: ``every answer`` (each list is matched: what a reward without
a gate costs), ``product`` (the paper's: wrong verdicts and equal lists cost no call), ``outcome`` (no matcher). The limit is
calls x latency / concurrency: what no client can beat. The last column is the step length from which the reward adds under 2%.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.rule import Reference, RewardRule
from rightly.synthetic.annotator import annotate
from rightly.synthetic.reviews import draw_pairs
from rightly.types import PreferencePair

ROOT = Path(__file__).parents[2]
LATENCY_S = 0.2
SHARE = 0.02
ARMS = {
    "every answer": RewardRule(compose="rationale"),
    "product": RewardRule(),
    "outcome": RewardRule(compose="outcome"),
}


def answers_to(pair: PreferencePair, samples: int, seed: int) -> list[JudgeAnswer]:
    """A group's answers, as a noisy annotator gives them."""
    draw = random.Random(f"{seed} {pair.id}")
    drawn = (annotate(pair, draw, sees=0.65) for _ in range(samples))
    texts = ("\n".join([*(f"- {r.text}" for r in reasons), f"[[{side}]]"]) for reasons, side in drawn)
    return [JudgeAnswer(text) for text in texts]


def run(rule: RewardRule, spec: str, args: argparse.Namespace) -> tuple[float, float, int]:
    """Median seconds and processor seconds of a step, and calls."""
    reward = JudgmentReward(rule, spec)
    walls, processor = [], []
    for step in range(args.steps + 1):  # the first one opens connections
        pairs = list(draw_pairs(args.prompts, seed=step, correlation=0.5))
        groups = [(answer, Reference.of(pair)) for pair in pairs for answer in answers_to(pair, args.samples, step)]
        answers, references = zip(*groups, strict=True)
        wall, own = time.perf_counter(), time.process_time()
        graded = reward.grade_now(answers, references)
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - own)
        if any(each.detail for each in graded if each.reward is None and each.transient):
            raise SystemExit("the endpoint failed")
    asked = {(ref.points, each.read.reasons) for ref, each in zip(references, graded, strict=True) if each.metrics}
    reward.close()
    return statistics.median(walls[1:]), statistics.median(processor[1:]), len(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/fake_endpoint.py"), "--answer", "matcher", "--latency", str(LATENCY_S)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    os.environ["OPENAI_BASE_URL"] = server.stdout.readline().strip()
    os.environ["OPENAI_API_KEY"] = "none"
    print(f"{args.prompts} prompts x {args.samples} samples, {LATENCY_S:g} s, {args.concurrency} at once\n")
    print(
        "| reward | calls | limit s | s a step | over the limit | processor s | under 2% of steps from |\n"
        + "|---" * 7
        + "|"
    )
    try:
        for name, rule in ARMS.items():
            wall, own, calls = run(rule, f"openai:m?concurrency={args.concurrency}", args)
            limit = calls * LATENCY_S / args.concurrency
            over = f"{wall / limit:.2f}x" if limit else "-"
            print(f"| {name} | {calls} | {limit:.2f} | {wall:.2f} | {over} | {own:.2f} | {wall / SHARE:,.0f} s |")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
