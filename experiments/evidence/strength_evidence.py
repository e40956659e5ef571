"""What preference strength shows on real data; the figures of docs/evidence/strength.md.

    python experiments/evidence/strength_evidence.py votes    --ukp pairs.jsonl.gz --work FOLDER
    python experiments/evidence/strength_evidence.py flips    --ukp pairs.jsonl.gz --hh test.jsonl.gz --work FOLDER
    python experiments/evidence/strength_evidence.py training --ukp pairs.jsonl.gz --hh test.jsonl.gz --work FOLDER
    python experiments/evidence/strength_evidence.py curves   --ukp pairs.jsonl.gz --work FOLDER --pairs 1000 --seeds 3
    python experiments/evidence/strength_evidence.py nll      --nll commonsenseqa_train.csv.gz
    python experiments/evidence/strength_evidence.py stream   --work FOLDER

Ensembles are linear heads over frozen all-MiniLM-L6-v2 features. Whole debates (UKPConvArg1) or prompts (HH-RLHF) are held
out. Every figure is a mean over seeds, which draw the flips, the folds, the samples of the members and the test groups.
"""

import argparse
import csv
import gzip
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from minilm_ukp import minilm
from numpy.typing import NDArray

from rightly.data.load import load_pairs
from rightly.metrics.auc import auc
from rightly.metrics.calibration import expected_calibration_error, negative_log_likelihood, preference_probability
from rightly.metrics.ranks import equal_mass_bins, rank_correlation
from rightly.preferences.adjust import PRESETS, AdjustRule, adjust
from rightly.preferences.margins_table import write_scored
from rightly.preferences.quality import fit_noise_model, likeliest_noise
from rightly.preferences.strength import assign_folds, preference_strength
from rightly.preferences.strength_table import StrengthRule, diagnose_table
from rightly.training.ensemble.heads import HeadEnsemble, choose_penalty, fit_head
from rightly.training.ensemble.run import group_keys, stored_features
from rightly.types import PreferencePair

MEMBERS = 10
RATES = (0.0, 0.1, 0.2, 0.3, 0.4)
ONE_VOTE = "one random vote"
LENGTH = 512


class Material:
    """Pairs with frozen features; the label is response ``best``."""

    def __init__(self, pairs: list[PreferencePair], work: Path, *, group_by: str) -> None:
        self.pairs = pairs
        self.features = stored_features(work / "features", pairs, minilm(), LENGTH, print)
        self.groups = np.unique(group_keys(pairs, group_by), return_inverse=True)[1]
        self.best = np.array([pair.choices.index(str(pair.label)) for pair in pairs])

    def some(self, count: int, seed: int) -> NDArray[np.int64]:
        return np.sort(np.random.default_rng(seed).permutation(len(self.pairs))[:count])

    def differences(self, rows: NDArray[np.int64], best: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.stack(
            [(self.features[i][b] - self.features[i][1 - b]).astype(float) for i, b in zip(rows, best, strict=True)]
        )


def ukp(args) -> list[PreferencePair]:
    """Pairs with a strict label."""
    return [pair for pair in load_pairs(args.ukp) if pair.label in ("A", "B")]


def mean_interval(values: list[float]) -> str:
    from scipy.stats import t

    v = np.array(values)
    half = t.ppf(0.975, len(v) - 1) * v.std(ddof=1) / np.sqrt(len(v))
    return f"{v.mean():.3f} ± {half:.3f}"


def votes(args) -> None:
    """Cross-fitted over debates: votes for the label by decile of strength, with strict labels and with one random vote."""
    data = Material(ukp(args), args.work, group_by="domain")
    shares = np.array(
        [[sum(v.choice == c for v in p.votes) / len(p.votes) for c in ("A", "B", "tie")] for p in data.pairs]
    )
    rows = np.arange(len(data.pairs))
    for name in ("strict labels", "one random vote"):
        deciles, correlations, rates, accuracy = [], [], [], []
        for seed in range(args.seeds):
            random = np.random.default_rng(seed)
            best, keep = data.best.copy(), np.ones(len(rows), dtype=bool)
            others = shares[:, :2].copy()
            if name == "one random vote":
                for i, pair in enumerate(data.pairs):
                    drawn = pair.votes[random.integers(len(pair.votes))]
                    keep[i] = drawn.choice != "tie"
                    best[i] = {"A": 0, "B": 1, "tie": 0}[drawn.choice]
                    rest = [v.choice for v in pair.votes if v is not drawn]
                    others[i] = [sum(c == side for c in rest) / len(rest) for side in ("A", "B")]
            own = rows[keep]
            folds = assign_folds(data.groups[own].tolist(), 4, seed)
            margins = HeadEnsemble(MEMBERS, seed).margins(
                [data.features[i] for i in own], best[own].tolist(), data.groups[own], folds
            )
            s = preference_strength(margins).mean
            share = others[own, best[own]] + (1 - others[own].sum(1)) / 2
            right = others[own, best[own]] > others[own, 1 - best[own]]
            bins = equal_mass_bins(s, 10)
            deciles.append([[share[bins == b].mean(), right[bins == b].mean()] for b in range(10)])
            correlations.append(rank_correlation(s, others[own, best[own]] - others[own, 1 - best[own]]))
            rates.append(likeliest_noise(s)[0])
            accuracy.append((s > 0).mean())
        table = np.mean(deciles, axis=0)
        print(
            f"\n**{name}** ({len(own):,} pairs): accuracy of the ensemble's sign {mean_interval(accuracy)}, Spearman with the"
        )
        print(f"vote margin {mean_interval(correlations)}, estimated noise {mean_interval(rates)}\n")
        print("| decile | " + " | ".join(str(n) for n in range(1, 11)) + " |\n" + "| --- " * 11 + "|")
        print("| votes for the label | " + " | ".join(f"{v:.3f}" for v in table[:, 0]) + " |")
        print("| label is the majority of the (other) votes | " + " | ".join(f"{v:.3f}" for v in table[:, 1]) + " |")


def materials(args) -> dict[str, tuple[Material, int]]:
    return {
        "UKPConvArg1": (Material(ukp(args), args.work, group_by="domain"), 4),
        "HH-RLHF": (Material(list(load_pairs(args.hh)), args.work, group_by="context"), 5),
    }


def flips(args) -> None:
    """Labels turned round at random: can strength find them?"""
    from cleanlab.rank import get_label_quality_scores

    for name, (data, folds) in materials(args).items():
        rows = data.some(args.pairs, 0)
        print(f"\n**{name}**, {len(rows):,} pairs: AUC (precision at the true rate)\n")
        crossed = ["cross-fitted, 10", "cross-fitted over pairs, 10", "in-sample, 10", "cross-fitted, 1", "3", "5"]
        heads = ["rate", *crossed, "in-sample loss of 1", "cleanlab", "noise found", "accuracy"]
        print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
        for rate in RATES[1:]:
            found: dict[str, list] = {head: [] for head in heads}
            for seed in range(args.seeds):
                random = np.random.default_rng([seed, int(100 * rate)])
                flipped = random.random(len(rows)) < rate
                best = np.where(flipped, 1 - data.best[rows], data.best[rows])
                features = [data.features[i] for i in rows]
                groups = data.groups[rows]
                cut = assign_folds(groups.tolist(), folds, seed)
                outside = preference_strength(HeadEnsemble(MEMBERS, seed).margins(features, best, groups, cut))
                inside = preference_strength(HeadEnsemble(MEMBERS, seed).margins(features, best, groups, None))
                scores = {"cross-fitted, 10": outside.mean, "in-sample, 10": inside.mean}
                single = assign_folds(range(len(rows)), folds, seed)
                apart = HeadEnsemble(MEMBERS, seed).margins(features, best, np.arange(len(rows)), single)
                scores["cross-fitted over pairs, 10"] = preference_strength(apart).mean
                scores |= {str(m) if m > 1 else "cross-fitted, 1": outside.margins[:m].mean(0) for m in (1, 3, 5)}
                scores["in-sample loss of 1"] = inside.margins[0]
                # cleanlab sees classes: which response is better, with the held-out probability of each.
                p = preference_probability(outside.mean)
                prob = np.where((best == 0)[:, None], np.stack([p, 1 - p], 1), np.stack([1 - p, p], 1))
                scores["cleanlab"] = get_label_quality_scores(
                    best, prob, method="normalized_margin", adjust_pred_probs=True
                )
                for head, score in scores.items():
                    few = np.argsort(score, kind="stable")[: flipped.sum()]
                    found[head].append((auc(-score, flipped), flipped[few].mean()))
                found["noise found"].append(likeliest_noise(outside.mean)[0])
                truth = np.where(flipped, -outside.mean, outside.mean)
                found["accuracy"].append((truth > 0).mean())
            cells = []
            for head in heads[1:-2]:
                values = np.array(found[head])
                cells.append(f"{values[:, 0].mean():.3f} ({values[:, 1].mean():.2f})")
            cells += [mean_interval(found["noise found"]), mean_interval(found["accuracy"])]
            print(f"| {rate:.0%} | " + " | ".join(cells) + " |", flush=True)


def noisy(data: Material, rows: NDArray[np.int64], noise: float | str, seed: int) -> tuple[NDArray, NDArray]:
    """Rows and labels with that share turned round, or with one random vote as label (ties are left out)."""
    if noise == ONE_VOTE:
        random = np.random.default_rng(seed)
        drawn = [data.pairs[i].votes[random.integers(len(data.pairs[i].votes))].choice for i in rows]
        keep = np.array([choice != "tie" for choice in drawn])
        return rows[keep], np.array(["AB".index(choice) for choice in drawn if choice != "tie"])
    flipped = np.random.default_rng([seed, int(100 * float(noise))]).random(len(rows)) < noise
    return rows, np.where(flipped, 1 - data.best[rows], data.best[rows])


def training(args) -> None:
    """Heads trained on noisy labels with each preset; accuracy and calibration on clean labels of held-out groups."""
    for name, (data, folds) in materials(args).items():
        noises = [*RATES, ONE_VOTE] if data.pairs[0].votes else [*RATES]
        results: dict[tuple[float | str, str], list[tuple[float, float, float]]] = {}
        for noise in noises:
            for seed in range(args.seeds):
                outer = assign_folds(data.groups.tolist(), 4, seed)
                rows = data.some(len(data.pairs), seed)
                train = np.random.default_rng(seed).permutation(rows[outer != 0])[: args.pairs]
                test = rows[outer == 0]
                train, best = noisy(data, train, noise, seed)
                groups = data.groups[train]
                cut = assign_folds(groups.tolist(), min(folds, len(np.unique(groups))), seed)
                ensemble = HeadEnsemble(5, seed).margins([data.features[i] for i in train], best, groups, cut)
                s = preference_strength(ensemble).mean
                q, _ = fit_noise_model(s)
                x = data.differences(train, best)
                scale = np.sqrt((x**2).mean(axis=0)) + 1e-8
                clean = data.differences(test, data.best[test]) / scale
                penalty = choose_penalty(x / scale, groups, seed)
                for preset in PRESETS:
                    terms = adjust(s, q, AdjustRule(preset=preset, suspects="quantile"))
                    keep = terms.keep
                    w = fit_head(
                        (x / scale)[keep],
                        terms.weight[keep],
                        penalty,
                        target=terms.target[keep],
                        margin=terms.margin[keep],
                    )
                    d = clean @ w
                    figures = (
                        (d > 0).mean(),
                        negative_log_likelihood(d),
                        expected_calibration_error(preference_probability(d)),
                    )
                    results.setdefault((noise, preset), []).append(figures)
        print(
            f"\n**{name}**: accuracy on clean held-out labels (baseline), and each preset minus baseline [95% t interval]\n"
        )
        heads = [noise if noise == ONE_VOTE else f"{noise:.0%}" for noise in noises]
        print("| preset | " + " | ".join(heads) + " | NLL at 30% | ECE at 30% |")
        print("| --- " * (len(noises) + 3) + "|")
        for preset in PRESETS:
            cells = []
            for noise in noises:
                own = np.array([r[0] for r in results[noise, preset]])
                base = np.array([r[0] for r in results[noise, "baseline"]])
                cells.append(mean_interval(list(own)) if preset == "baseline" else mean_interval(list(own - base)))
            at = np.mean(results[0.3, preset], axis=0)
            print(f"| {preset} | " + " | ".join(cells) + f" | {at[1]:.3f} | {at[2]:.3f} |", flush=True)
        (args.work / f"training-{name}.json").write_text(json.dumps({f"{r}/{p}": v for (r, p), v in results.items()}))


def curves(args) -> None:
    """A body trained with each preset on noisy labels: clean accuracy along the run, by whole epochs."""
    from contrastive_study import base_model
    from minilm_ukp import write

    from rightly.training.reward_model.recipe import parse_recipe
    from rightly.training.reward_model.run import train_reward_model

    data = Material(ukp(args), args.work, group_by="domain")
    base = base_model(args.work / "base")
    presets = ("baseline", "smooth+margin", "drop", "auto", "online")
    found: dict[str, list[list[float]]] = {preset: [] for preset in presets}
    for seed in range(args.seeds):
        outer = assign_folds(data.groups.tolist(), 4, seed)
        random = np.random.default_rng([seed, 7])
        train = random.permutation(np.flatnonzero(outer != 0))[: args.pairs]
        test = [data.pairs[i] for i in random.permutation(np.flatnonzero(outer == 0))[:400]]
        flipped = random.random(len(train)) < 0.3
        best = np.where(flipped, 1 - data.best[train], data.best[train])
        cut = assign_folds(data.groups[train].tolist(), 4, seed)
        margins = HeadEnsemble(5, seed).margins([data.features[i] for i in train], best, data.groups[train], cut)
        pairs = [data.pairs[i].model_copy(update={"label": "AB"[b]}) for i, b in zip(train, best, strict=True)]
        folder = args.work / f"curves-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        source, clean = write(folder / "train.jsonl", pairs), write(folder / "test.jsonl", test)
        write_scored(folder / "scored.parquet", pairs, margins.T.tolist(), [str(m) for m in range(5)])
        diagnose_table(folder / "scored.parquet", folder / "strength.parquet", StrengthRule(AdjustRule()))
        for preset in presets:
            path = folder / f"{preset}.json"
            if not path.exists():
                table = {"strength": str(folder / "strength.parquet"), "preset": preset, "suspects": "quantile"}
                recipe = {
                    "output": str(folder / f"run-{preset}"),
                    "model": {"name": base, "max_length": 96},
                    "data": {"train": [source], "eval": {"clean": clean}},
                    "adjust": {"online": True} if preset == "online" else table,
                    "trainer": {
                        "per_device_train_batch_size": 16,
                        "num_train_epochs": 3,
                        "learning_rate": 2e-4,
                        "lr_scheduler_type": "constant_with_warmup",
                        "warmup_steps": 10,
                        "eval_strategy": "steps",
                        "eval_steps": 1 / 6,
                        "bf16": True,
                        "save_strategy": "no",
                        "use_cpu": True,
                        "disable_tqdm": True,
                        "seed": seed,
                    },
                }
                history = train_reward_model(parse_recipe(recipe)).history
                path.write_text(
                    json.dumps([row["eval_clean_accuracy"] for row in history if "eval_clean_accuracy" in row])
                )
            found[preset].append(json.loads(path.read_text())[:6])  # a last evaluation repeats the sixth
    print(
        f"\n30% of {args.pairs:,} labels turned round; accuracy on clean labels of held-out debates after each half epoch\n"
    )
    steps = len(found["baseline"][0])
    print("| preset | " + " | ".join(f"{(n + 1) / 2:g}" for n in range(steps)) + " |\n" + "| --- " * (steps + 1) + "|")
    for preset, runs in found.items():
        print(f"| {preset} | " + " | ".join(f"{v:.3f}" for v in np.mean(runs, axis=0)) + " |")


def nll(args) -> None:
    """few_shot_explanations: does a language model's stored likelihood tell which explanation people accept?"""
    with gzip.open(args.nll, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    accepted: dict[str, list] = {}
    for row in rows:
        chosen = [int(part) for part in row["Answer.acceptable"].split("|") if part.strip().isdigit()]
        accepted.setdefault(row["Input.id"], []).append((chosen, row))
    gaps, shares = [], []
    for annotations in accepted.values():
        row = annotations[0][1]
        likelihood = [-float(row[f"Input.nll_{n}"]) for n in range(1, 6)]
        counts = np.zeros(5)
        for chosen, _ in annotations:
            for place in chosen:
                counts[place - 1] += 1
        for a in range(5):
            for b in range(a):
                if counts[a] != counts[b]:
                    better, worse = (a, b) if counts[a] > counts[b] else (b, a)
                    gaps.append(likelihood[better] - likelihood[worse])
                    shares.append((counts[better] - counts[worse]) / len(annotations))
    s, margin = np.array(gaps), np.array(shares)
    said = f"{len(s):,} pairs of {len(accepted):,} questions"
    print(f"{said}: the likelier explanation is the more accepted one in {(s > 0).mean():.3f}")
    print(f"Spearman of strength with the margin of votes: {rank_correlation(s, margin):.3f}")
    for low in (1 / 3, 2 / 3, 1):
        own = np.isclose(margin, low, atol=0.05)
        if own.any():
            print(f"vote margin {low:.2f}: {(s[own] > 0).mean():.3f} of {own.sum():,}")


def stream(args) -> None:
    """Ten million scored pairs, diagnosed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    args.work.mkdir(parents=True, exist_ok=True)
    source = args.work / "scores.parquet"
    if not source.exists():
        random = np.random.default_rng(0)
        writer = None
        for start in range(0, args.rows, 500_000):
            n = min(500_000, args.rows - start)
            logit = random.normal(0, 3, n)
            truth = np.where(random.random(n) < preference_probability(logit), logit, -logit)
            truth = np.where(random.random(n) < 0.15, -truth, truth)
            table = {"id": [f"pair-{start + i}" for i in range(n)]}
            table |= {f"margin/model {m}": (truth + random.normal(0, 1, n)).astype(np.float32) for m in range(5)}
            part = pa.table(table)
            writer = writer or pq.ParquetWriter(source, part.schema)
            writer.write_table(part)
        writer.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clock = time.perf_counter()
    found = diagnose_table(source, args.work / "strength.parquet", StrengthRule(AdjustRule()))
    seconds = time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    read = source.stat().st_size / 2**20
    memory = f"peak {peak:,.0f} MiB ({before:,.0f} before)"
    print(f"{found.diagnosis.n:,} pairs, 5 models, {read:,.0f} MiB read: {seconds:.0f} s, {memory}")
    print(f"noise put in 0.150, found {found.diagnosis.quality.noise_rate:.3f}; classes {found.diagnosis.counts}")


PARTS: dict[str, Callable] = {
    "votes": votes,
    "flips": flips,
    "training": training,
    "curves": curves,
    "nll": nll,
    "stream": stream,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--ukp", default="sample:ukpconvarg1")
    parser.add_argument("--hh", default="sample:hh-rlhf")
    parser.add_argument("--nll", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/strength_evidence"))
    parser.add_argument("--pairs", type=int, default=3000, help="At most so many pairs a set.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000_000)
    args = parser.parse_args()
    PARTS[args.part](args)


if __name__ == "__main__":
    main()
