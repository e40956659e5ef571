"""A user's file: every job in at most eight lines, checked by the type checker, run by `tests/test_front_door.py`."""

from collections.abc import Sequence
from pathlib import Path

import rightly
from rightly.inference.generator import Request
from rightly.judges.base import JudgeIdentity
from rightly.matchers.lexical import LexicalMatcher
from rightly.types import Order


def audit(pairs: Sequence[rightly.PreferencePair] | str, out: Path) -> tuple[float | None, float | None]:
    found = rightly.audit(pairs, judges=["longer", "first"], matcher="lexical", out=out)
    found.to_html(out / "page.html")
    tests = rightly.compare(found).tests
    assert tests[0].n > 0
    return found.judges[0].accuracy.value, found.judges[0].consistency.value


async def audit_in_a_loop(pairs: Sequence[rightly.PreferencePair], out: Path) -> list[str]:
    waited = await rightly.aaudit(pairs, judges=["longer"], matcher="lexical", out=out / "awaited")
    called = rightly.audit(pairs, judges=["longer"], matcher="lexical", out=out / "called")
    judged = await rightly.ajudge(pairs, judges=["longer"], out=out / "judged")
    return [waited.judges[0].judge, called.judges[0].judge, *{each.judge for each in judged}]


def judge(pairs: Sequence[rightly.PreferencePair] | str, out: Path) -> set[str | None]:
    judged = rightly.judge(pairs, judges=["longer"], out=out)
    assert judged.tallies.judges[0].n_judgments == len(rightly.load_pairs(pairs))
    return {judgment.verdict for judgment in judged}


def strength_and_repair(pairs: Sequence[rightly.PreferencePair], base: str, out: Path) -> tuple[int, int]:
    strength = rightly.measure_strength(pairs, members=2, folds=2, base=base, group_by="pair", out=out)
    strength.to_html(out)
    clean, changes = rightly.repair(pairs, strength)
    return len(clean), len(changes)


def reward_model(pairs: Sequence[rightly.PreferencePair] | str, base: str, out: Path) -> list[float]:
    trainer = {"max_steps": 2, "use_cpu": True, "per_device_train_batch_size": 4}
    trained = rightly.train_reward_model(base=base, train=pairs, eval={"dev": pairs}, output=out, trainer=trainer)
    assert trained.results["dev"].n > 0
    loaded = rightly.RewardModel.load(out)
    assert loaded.rewards("a prompt", ["one", "another"]) == trained.rewards("a prompt", ["one", "another"])
    return trained.rewards([{"role": "user", "content": "a prompt"}], ["one"])


def bench(pairs: Sequence[rightly.PreferencePair] | str, model: str, out: Path) -> dict[str, float | None]:
    board = rightly.bench("pairs", models=[f"rm:{model}", "longer"], data=pairs, out=out)
    board.to_html(out)
    return {each.model: each.headline.value for each in board.models}


def judge_by_rl(pairs: Sequence[rightly.PreferencePair], base: str, output: Path) -> str:
    reward = rightly.JudgmentReward(rightly.RewardRule(agreement="f1"), matcher="lexical")
    grpo = {"max_steps": 1, "per_device_train_batch_size": 4, "num_generations": 2, "use_cpu": True, "bf16": False}
    trained = rightly.train_judge(
        base=base, train=pairs, output=output, reward=reward, grpo=grpo | {"max_completion_length": 4},
        matcher="lexical", recipe=output.parent / "judge.toml",
    )  # fmt: skip
    return f"hf:{trained.folder}"


def scores(pairs: Sequence[rightly.PreferencePair] | str, model: str, out: Path) -> Path:
    found = rightly.score(pairs, models=[model], out=out, max_length=64)
    assert found.models[model].metrics is not None
    return found.table


def reward_function(url: str) -> rightly.ServedReward:
    return rightly.ServedReward(url)


class Polite:
    """A judge of one's own: prefers whoever says please."""

    name, concurrency = "polite", 1
    identity = JudgeIdentity(name="polite", fingerprint="polite-1")

    def orders(self, pair: rightly.PreferencePair) -> tuple[Order, ...]:
        return ("AB",)

    def requests(self, pair: rightly.PreferencePair) -> list[Request]:
        return []

    async def judge(self, pair: rightly.PreferencePair, order: Order) -> rightly.Judgment:
        verdict = "B" if "please" in pair.responses[1] else "A"
        made_by = self.identity.made_by(pair)
        return rightly.Judgment(
            pair_id=pair.id, pair_key=pair.content_key, judge=self.name, made_by=made_by, verdict=verdict,
            rationales=(rightly.Rationale(text="it is polite"),),
        )  # fmt: skip

    async def aclose(self) -> None:
        pass


def audit_of_ones_own_judge(pairs: Sequence[rightly.PreferencePair], out: Path) -> list[str]:
    found = rightly.audit(pairs, judges=[Polite(), "longer"], matcher=LexicalMatcher(), out=out)
    board = rightly.bench("pairs", models=[Polite()], data=pairs, out=out / "bench")
    return [each.judge for each in found.judges] + [each.model for each in board.models]
