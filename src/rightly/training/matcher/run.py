"""Train a matcher: a small model that decides whether two reasons make the same point."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, softplus
from torch.utils.data import SequentialSampler
from transformers import Trainer, set_seed

from rightly.matchers.bases import COVERS, NLI, SAME, base_path, load_classifier, load_tokenizer
from rightly.matchers.cross_encoder import CrossEncoder, MatcherCard
from rightly.matchers.validation.summhay import load_summhay
from rightly.matchers.weight_changes import save_changes
from rightly.reward_models.lora import add_lora
from rightly.store.claim import Claim
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.training.common.arguments import training_arguments
from rightly.training.common.checkpoints import WholeRuns, last_checkpoint
from rightly.training.matcher.curriculum import Curriculum, curriculum, held_out
from rightly.training.matcher.labelled import Labelled, Row, texts_of
from rightly.training.matcher.operating_point import calibrated
from rightly.training.matcher.recipe import MatcherModel, MatcherRecipe

UNKNOWN = -1.0
"""Label of a question that a row does not answer."""
COVERS_WEIGHT = 0.5
"""Weight of the coverage loss; the others have 1."""


PAD_TO = 16
"""Batches are padded to a multiple of this length: kernels are made anew for every new shape."""


class TrainedMatcher(NamedTuple):
    """Result of a run.

    Attributes:
        folder: Folder with the changes of the weights and the card.
        card: Calibration, operating point and training data.
        steps: Number of optimiser steps.
        loss: Mean training loss.
        accepted: Share of the calibration set accepted at the operating point, by kind.
    """

    folder: Path
    card: MatcherCard
    steps: int
    loss: float
    accepted: dict[str, float]


class MatcherTrainer(WholeRuns, Trainer):
    """Trains three questions and the order of ranked reasons together, on rows in their given order."""

    def _get_train_sampler(self, train_dataset: Any = None) -> SequentialSampler:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(rows)

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of the losses of every row, divided by the number of rows.

        Cross-entropy of entailment, binary cross-entropy of the same point (weighted by word overlap and label) and of
        coverage, and the ranking loss of the nearer over the farther reason.
        """
        labels, weights, n_ranked = inputs.pop("labels"), inputs.pop("weights"), int(inputs.pop("n_ranked"))
        out = model(**inputs)
        labelled, nearer, farther = out.logits.float().split([len(labels), n_ranked, n_ranked])
        loss = softplus(farther[:, SAME] - nearer[:, SAME]).sum()
        (nli, same, covers), known = labels.clamp(min=0).unbind(1), labels != UNKNOWN
        each = torch.stack(
            [
                cross_entropy(labelled[:, NLI], nli.long(), reduction="none"),
                weights * binary_cross_entropy_with_logits(labelled[:, SAME], same, reduction="none"),
                COVERS_WEIGHT * binary_cross_entropy_with_logits(labelled[:, COVERS], covers, reduction="none"),
            ],
            dim=1,
        )
        loss = loss + each[known].sum()
        loss = loss / (len(labels) + n_ranked)
        return (loss, out) if return_outputs else loss


def train_matcher(recipe: MatcherRecipe) -> TrainedMatcher:
    """Run a recipe; an interrupted run resumes from its last complete checkpoint.

    Raises:
        InputError: Data, base or arguments are unusable, or the output holds a run of another recipe, data or base.
    """
    args = training_arguments(recipe.output, {**recipe.trainer, "num_train_epochs": 1})
    set_seed(args.seed)
    rows = curriculum(recipe.data, args.seed, args.train_batch_size * args.gradient_accumulation_steps)
    base, folder = model_fingerprint(base_path(recipe.model.base)), Path(recipe.output)
    made_of = {"data": fingerprint("rows", train=rows.rows, held=rows.held), "model.base": base}
    claim = Claim(folder, recipe.model_dump(mode="json", exclude={"output"}), made_of)
    claim.require()
    encoder, state = _start(recipe.model)
    trainer = MatcherTrainer(
        model=encoder.model,
        args=args,
        data_collator=lambda batch: _collate(encoder, batch),
        train_dataset=list(zip(rows.rows, rows.weights, strict=True)),  # type: ignore[arg-type]
    )
    claim.note()
    done = trainer.train(resume_from_checkpoint=last_checkpoint(recipe.output))
    trained: Any = encoder.model
    save_changes(trained.merge_and_unload() if recipe.model.lora else trained, state, folder, recipe.model.rank)
    card = _card(recipe, rows, base)
    card.save(folder)
    # What is calibrated is what will be loaded: the stored changes, not the weights in memory.
    cases = [case for case in load_summhay() if case.topic in recipe.data.topics]
    found = calibrated(CrossEncoder.load(folder), rows.held, cases)
    card = card.model_copy(update={"same": found.same, "covers": found.covers})
    card.save(folder)
    return TrainedMatcher(folder, card, done.global_step, done.training_loss, found.accepted)


def _start(recipe: MatcherModel) -> tuple[CrossEncoder, dict[str, Tensor]]:
    """The model to train, and a copy of its weights before the training."""
    model = load_classifier(recipe.base, recipe.layers)
    state = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    if recipe.lora is None:
        model.get_input_embeddings().requires_grad_(requires_grad=False)
    else:
        lora = recipe.lora
        targets = _linear_names(model, recipe.first_trained) if lora.targets == "all-linear" else lora.targets
        model = add_lora(model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=targets)
    return CrossEncoder(model, load_tokenizer(recipe.base), recipe.max_length), state


def _linear_names(model: nn.Module, first: int) -> list[str]:
    """Full names of the linear modules in the layers from this one on."""
    layer = re.compile(r"\.(?:layers?|h)\.(\d+)\.")
    found = ((name, layer.search(name)) for name, module in model.named_modules() if isinstance(module, nn.Linear))
    return [name for name, match in found if match and int(match.group(1)) >= first]


def _card(recipe: MatcherRecipe, rows: Curriculum, base: str) -> MatcherCard:
    words = [len(text.split()) for row in rows.rows for text in texts_of(row)]
    return MatcherCard(
        base=recipe.model.base,
        made_from=base,
        layers=recipe.model.layers,
        max_length=recipe.model.max_length,
        max_words=int(np.quantile(words, 0.995)),
        sources=rows.counts(),
        held_out=held_out(recipe.data),
    )


def _collate(encoder: CrossEncoder, rows: Sequence[tuple[Row, float]]) -> dict[str, Tensor]:
    labelled = [(row, weight) for row, weight in rows if isinstance(row, Labelled)]
    ranked = [row for row, _ in rows if not isinstance(row, Labelled)]
    pairs = [
        *((row.reference, row.candidate) for row, _ in labelled),
        *((row.reference, row.nearer) for row in ranked),
        *((row.reference, row.farther) for row in ranked),
    ]
    encoded = [encoder.encode(*pair) for pair in pairs]
    batch = dict(encoder.tokenizer.pad(encoded, pad_to_multiple_of=PAD_TO, return_tensors="pt"))
    labels = [[UNKNOWN if each is None else float(each) for each in (r.nli, r.same, r.covers)] for r, _ in labelled]
    return {
        **batch,
        "labels": torch.tensor(labels, dtype=torch.float32).reshape(-1, 3),
        "weights": torch.tensor([weight for _, weight in labelled], dtype=torch.float32),
        "n_ranked": torch.tensor(len(ranked)),
    }
