"""Score on a cluster with Ray Data: a pool of actors, each with the model, processes windows of pairs."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rightly.errors import MissingExtraError, PairError
from rightly.reward_models.model import RewardModel, Scored
from rightly.types import PreferencePair


def score_on_ray(
    windows: Iterable[list[PreferencePair]],
    build: Callable[[], RewardModel],
    *,
    workers: int,
    tokens_per_batch: int,
) -> Iterator[list[Scored]]:
    """Score windows of pairs; results are yielded as they complete, in any order.

    Joins the cluster at ``RAY_ADDRESS``, else starts Ray on this machine. Ray restarts an actor that dies and reassigns its
    window. The windows wait in Ray's object store, which spills to disk.

    Args:
        windows: Windows of pairs to score.
        build: Function that loads the model in every actor; it must not refer to objects of this process.
        workers: Number of actors; each uses an accelerator if the cluster has any.
        tokens_per_batch: Maximum number of tokens in one forward pass.

    Raises:
        MissingExtraError: Ray is not installed.
        PairError: A pair cannot be scored (`RewardModel.score`).
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("scoring over a cluster", "ray") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level=logging.WARNING)
    rows = [{"pairs": json.dumps([pair.model_dump(mode="json") for pair in window])} for window in windows]
    accelerators = ray.cluster_resources().get("GPU", 0)
    scored = ray.data.from_items(rows, override_num_blocks=min(len(rows), 4 * workers)).map_batches(
        _Scorer,
        fn_constructor_args=(build, tokens_per_batch),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_gpus=1 if accelerators else 0,
        num_cpus=1,
    )
    for row in scored.iter_rows():
        scored = json.loads(row["scored"])
        if "refused" in scored:
            raise PairError(**scored["refused"])
        yield [
            Scored(PreferencePair.model_validate(pair), *(tuple(values) for values in rest))
            for pair, *rest in scored["pairs"]
        ]


class _Scorer:
    """An actor that loads the model once and scores its windows."""

    def __init__(self, build: Callable[[], RewardModel], tokens_per_batch: int) -> None:
        self._model = build()
        self._budget = tokens_per_batch

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        out = []
        for text in batch["pairs"]:
            pairs = [PreferencePair.model_validate(pair) for pair in json.loads(text)]
            try:
                found = self._model.score(pairs, tokens_per_batch=self._budget)
                scored = {"pairs": [(pair.model_dump(mode="json"), *rest) for pair, *rest in found]}
            except PairError as error:  # an exception would reach the user as one of Ray's traces
                about = {"pair_id": error.pair_id, "pair_key": error.pair_key}
                scored = {"refused": {**about, "problem": error.reason, "fix": error.fix}}
            out.append(json.dumps(scored))
        return {"scored": out}
