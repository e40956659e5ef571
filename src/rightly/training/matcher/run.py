"""Train a matcher: a low-rank adapter that makes an encoder say whether two reasons are the same point."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from transformers import AutoTokenizer, Trainer, set_seed
from transformers.trainer_pt_utils import LengthGroupedSampler

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.matchers.cross_encoder import CrossEncoder, MatcherCard, new_classifier
from rightly.matchers.embedding import Embedder
from rightly.matchers.packaged_encoder import base_path
from rightly.matchers.trained import INCOMPATIBLE_FACTOR, compatible
from rightly.matchers.validation.probes import load_probes
from rightly.matchers.validation.summhay import load_summhay
from rightly.reward_models.lora import add_lora
from rightly.store.claim import Claim
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.training.common.arguments import training_arguments
from rightly.training.common.checkpoints import WholeRuns, last_checkpoint
from rightly.training.matcher.data import (
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

Row = TypeVar("Row", Ranked, Graded)

HELD_CONTRASTS = 5
"""One in so many written points is kept for calibration."""
UNRELATED = 10
"""Sentences of other points in the calibration, for each point."""
MOST_ACCEPTED = 0.1
"""The operating point accepts at most this share of opposites, and of points on the other response, of the calibration set."""
WRITTEN = "written"


class TrainedMatcher(NamedTuple):
    """What a run left behind.

    Attributes:
        folder: Adapter, head and card.
        card: Calibration, operating point, what it learned from.
        steps: Optimiser steps.
        loss: Mean training loss.
        accepted: On the calibration set, the share accepted at the operating point, by kind.
    """

    folder: Path
    card: MatcherCard
    steps: int
    loss: float
    accepted: dict[str, float]


class MatcherTrainer(WholeRuns, Trainer):
    """Grades by cross-entropy, orders by the ranking loss of reward models; the mean over rows, batched by length."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        generator = torch.Generator().manual_seed(self.args.seed)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroupedSampler(size, lengths=[_length(row) for row, _ in rows], generator=generator)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch: first its graded pairs, then the nearer and the farther of its ranked ones.

        What cosine and word overlap say is a constant part of every logit, so the encoder learns what they lack.
        """
        grades, n_ranked, prior = inputs.pop("grades"), int(inputs.pop("n_ranked")), inputs.pop("prior")
        out = model(**inputs)
        logits = out.logits[:, 0].float() + prior
        graded, nearer, farther = logits.split([len(grades), n_ranked, n_ranked])
        loss = binary_cross_entropy_with_logits(graded, grades, reduction="sum") + softplus(farther - nearer).sum()
        loss = loss / (len(grades) + n_ranked)
        return (loss, out) if return_outputs else loss


def train_matcher(recipe: MatcherRecipe) -> TrainedMatcher:
    """Run a recipe; a run that was interrupted goes on from its last whole checkpoint.

    Raises:
        InputError: Data, base or arguments are unusable, or the output holds a run of another recipe, data or base.
    """
    args = training_arguments(recipe.output, recipe.trainer)
    set_seed(args.seed)
    rows, held = matcher_rows(recipe.data, args.seed)
    path, folder = base_path(recipe.model.base), Path(recipe.output)
    made_of = {"data": fingerprint("rows", train=rows, held=held), "model.base": model_fingerprint(path)}
    claim = Claim(folder, recipe.model_dump(mode="json", exclude={"output"}), made_of)
    claim.require()
    words = [len(text.split()) for row in rows for text in row if isinstance(text, str)]
    card = MatcherCard(
        base=recipe.model.base,
        max_length=recipe.model.max_length,
        max_words=int(np.quantile(words, 0.995)),
        sources=dict(sorted(Counter(f"{row.source}: {row.kind}" for row in rows).items())),
        held_out=_held_out(recipe.data),
    )
    encoder = CrossEncoder(new_classifier(path), AutoTokenizer.from_pretrained(path), Embedder(path), card)
    encoder.card = card = card.model_copy(update={"prior": _prior(encoder, held)})
    lora = recipe.model.lora
    adapted: Any = add_lora(encoder.model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets)
    trainer = MatcherTrainer(
        model=adapted,
        args=args,
        data_collator=lambda batch: _collate(encoder, batch),
        train_dataset=_with_prior(rows, encoder),  # type: ignore[arg-type]
    )
    claim.note()
    done = trainer.train(resume_from_checkpoint=last_checkpoint(recipe.output))
    trainer.save_model(str(folder))
    _name_base(folder, recipe.model.base)
    encoder.model = adapted.eval()
    card, accepted = _calibrated(encoder, held)
    card.save(folder)
    return TrainedMatcher(folder, card, done.global_step, done.training_loss, accepted)


def matcher_rows(data: MatcherData, seed: int) -> tuple[list[Ranked | Graded], list[Graded]]:
    """The training rows, and the graded ones that are kept for calibration.

    Raises:
        InputError: A source is unusable, or there is nothing to train on.
    """
    draw = random.Random(seed)
    held_debates = set(data.held_debates)
    pairs = [pair for source in data.votes for pair in load_pairs(source)]
    unknown = held_debates - {_debate(pair.domain) for pair in pairs} if pairs else set()
    if unknown:
        raise InputError(f"no pair is of the debate {min(unknown)!r}", where="data.held_debates")
    votes = _some(from_votes([p for p in pairs if _debate(p.domain) not in held_debates], seed), data, draw)
    comve = _some(from_comve(data.comve, seed) if data.comve else (), data, draw)
    winowhy = _some(from_winowhy(data.winowhy, seed) if data.winowhy else (), data, draw)
    cases = [case for case in load_summhay() if case.topic in data.topics]
    contrasts = [each for source in data.contrasts for each in read_contrasts(contrast_file(source))]
    draw.shuffle(contrasts)
    kept = len(contrasts) // HELD_CONTRASTS
    held = list(from_contrasts(contrasts[:kept], seed))
    rows: list[Ranked | Graded] = [*votes, *comve, *winowhy, *from_summaries(cases, seed)]
    for ranked in (votes, comve):
        rows += from_negations(draw.sample(ranked, min(len(ranked), data.negations)), seed)
    for again in range(data.repeat):
        rows += from_contrasts(contrasts[kept:], seed + again)
    if not rows:
        raise InputError("no row to train on", where="[data]", fix="name a source of reasons")
    draw.shuffle(rows)
    held += _open_probes()
    return rows, [*held, *_unrelated(held, draw)]


def _some(rows: Iterable[Ranked], data: MatcherData, draw: random.Random) -> list[Ranked]:
    short = [row for row in rows if max(len(row.reference), len(row.nearer), len(row.farther)) <= data.max_characters]
    return draw.sample(short, min(len(short), data.limit))


def contrast_file(source: str) -> str:
    """The file of a source of contrasts; ``written`` are those that travel with the package."""
    if source != WRITTEN:
        return source
    return str(resources.files("rightly.matchers").joinpath("samples", "contrasts.jsonl.gz"))


def _open_probes() -> list[Graded]:
    return [
        Graded(probe.human, probe.judge, float(probe.same), "written", _AS_CONTRAST[probe.category])
        for probe in load_probes("open")
    ]


def _unrelated(held: Sequence[Graded], draw: random.Random) -> list[Graded]:
    """Each point with sentences of others: in two lists most pairs have nothing to do with each other."""
    points = list(dict.fromkeys(row.reference for row in held))
    return [
        Graded(point, other.candidate, 0.0, "written", "unrelated")
        for point in points
        for other in draw.sample(held, min(UNRELATED, len(held)))
        if other.reference != point
    ]


_AS_CONTRAST = {
    "paraphrase": "paraphrases",
    "polarity": "opposites",
    "swap": "swap",
    "same topic": "topic",
    "vague": "vague",
    "number": "changed",
    "general": "general",
}


def _held_out(data: MatcherData) -> tuple[str, ...]:
    topics = sorted({case.topic for case in load_summhay()} - set(data.topics))
    return (*(f"summhay: {topic}" for topic in topics), *(f"votes: {debate}" for debate in sorted(data.held_debates)))


def _debate(domain: str | None) -> str:
    return (domain or "").split("/", 1)[0]


def _length(row: Ranked | Graded) -> int:
    second = row.candidate if isinstance(row, Graded) else max(row.nearer, row.farther, key=len)
    return len(row.reference) + len(second)


def _pairs(row: Ranked | Graded) -> list[tuple[str, str]]:
    seconds = (row.candidate,) if isinstance(row, Graded) else (row.nearer, row.farther)
    return [(row.reference, second) for second in seconds]


def _with_prior(rows: Sequence[Ranked | Graded], encoder: CrossEncoder) -> list[tuple[Ranked | Graded, list[float]]]:
    """The rows with the logit of the surface evidence of each of their pairs."""
    logits = encoder.surface([pair for row in rows for pair in _pairs(row)]) @ np.array(encoder.card.prior)
    each = iter(logits.tolist())
    return [(row, [next(each) for _ in _pairs(row)]) for row in rows]


def _collate(encoder: CrossEncoder, rows: Sequence[tuple[Ranked | Graded, list[float]]]) -> dict[str, Tensor]:
    graded = [(row, prior) for row, prior in rows if isinstance(row, Graded)]
    ranked = [(row, prior) for row, prior in rows if isinstance(row, Ranked)]
    texts = [
        *((row.reference, row.candidate) for row, _ in graded),
        *((row.reference, row.nearer) for row, _ in ranked),
        *((row.reference, row.farther) for row, _ in ranked),
    ]
    prior = [*(prior[0] for _, prior in graded), *(prior[0] for _, prior in ranked), *(prior[1] for _, prior in ranked)]
    batch = dict(encoder.tokenizer.pad([encoder.encode(*pair) for pair in texts], return_tensors="pt"))
    grades = torch.tensor([row.score for row, _ in graded], dtype=torch.float32)
    return {**batch, "grades": grades, "n_ranked": torch.tensor(len(ranked)), "prior": torch.tensor(prior)}


def _prior(encoder: CrossEncoder, held: Sequence[Graded]) -> tuple[float, ...]:
    return _logistic(encoder.surface([(row.reference, row.candidate) for row in held]), held)


def _calibrated(encoder: CrossEncoder, held: Sequence[Graded]) -> tuple[MatcherCard, dict[str, float]]:
    """Weights of the evidence on rows that were not trained on, and the operating point on the calibrated scale."""
    evidence = encoder.evidence([(row.reference, row.candidate) for row in held])
    weights = _logistic(evidence, held)
    scores = 1 / (1 + np.exp(-(evidence @ np.array(weights))))
    closed = [not compatible(row.reference, row.candidate) for row in held]
    scores[closed] *= INCOMPATIBLE_FACTOR
    kinds = np.array([row.kind for row in held])
    bounds = [float(np.quantile(scores[kinds == kind], 1 - MOST_ACCEPTED)) for kind in ("opposites", "swap")]
    point = round(min(max(bounds) + 1e-3, 0.999), 3)
    accepted = {str(kind): float((scores[kinds == kind] >= point).mean()) for kind in sorted(set(kinds))}
    found = {"weights": weights, "ceiling": float(evidence[:, 0].max()), "operating_point": point}
    return encoder.card.model_copy(update=found), accepted


def _logistic(evidence: NDArray[np.float64], held: Sequence[Graded]) -> tuple[float, ...]:
    """Logistic regression on grades, every weight but the last (of the 1) at least 0."""
    grades = np.array([row.score for row in held])

    def loss(weights: NDArray[np.float64]) -> float:
        logits = evidence @ weights
        return float(np.mean(np.logaddexp(0, logits) - grades * logits))

    width = evidence.shape[1]
    bounds = [*[(0.0, None)] * (width - 1), (None, None)]
    return tuple(float(weight) for weight in minimize(loss, np.zeros(width), method="L-BFGS-B", bounds=bounds).x)


def _name_base(folder: Path, base: str) -> None:
    """The adapter names its base as the recipe does, not where that lay on this machine."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": base}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
