"""What each of two processes does in test_gathering; imports little, because each process pays for it."""

from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from rightly.losses import (
    SwAV,
    difference_features,
    difference_objective,
    first_order_meta_gradient,
    gather_rows,
    ranking_loss,
    simcse_loss,
)

WIDTH = 4
ROWS = {"equal": (3, 3), "ragged": (4, 2), "empty": (5, 0)}
SIZES = torch.tensor([3, 3])


class Model(torch.nn.Module):
    """A trunk, a reward head and prototypes: all that a contrastive reward model trains."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.trunk = torch.nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
        self.head = torch.nn.Linear(WIDTH, 1, dtype=torch.float64)
        self.swav = SwAV(WIDTH, prototypes=3, queue=5).double()

    def forward(self, inputs, kind="rewards", gather=gather_rows):
        if kind == "rewards":
            return self.head(self.trunk(inputs).tanh())[:, 0]
        # Chosen and rejected under two views, (N, 4, WIDTH): gathered first, differences after.
        gathered = gather(self.trunk(inputs).tanh())
        first, second = (difference_features(gathered[:, view], gathered[:, view + 1]) for view in (0, 2))
        if kind == "simcse":
            return simcse_loss(first, second, exclude_mirror=True)
        return self.swav(first, second)


def inputs(rows):
    return torch.randn(rows, 4, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(rows))


def batch(seed, shape):
    return torch.randn(*shape, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def meta_step(model, samples, pairs, sizes):
    first_order_meta_gradient(
        model.parameters(),
        lambda: difference_objective(model(samples), sizes),
        lambda: ranking_loss(*model(pairs.flatten(0, 1)).view(2, -1)),
        step_size=5.0,
    )


def gradients(model):
    return {
        name.removeprefix("module."): parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    found = {"gathered": gather_rows(torch.full((rank + 1, 2), float(rank)))}
    for case, rows in ROWS.items():
        own = inputs(sum(rows)).split(list(rows))[rank]
        for kind in ("simcse", "swav"):
            model = DistributedDataParallel(Model(), find_unused_parameters=True)
            model(own, kind).backward()
            found[f"{case} {kind}"] = gradients(model)
    model = DistributedDataParallel(Model(), find_unused_parameters=True)
    meta_step(model, batch(1, (6,))[3 * rank :][:3], batch(2, (2, 4))[:, 2 * rank :][:, :2], SIZES[:1])
    found["meta"] = gradients(model)
    try:
        gather_rows(torch.zeros(2, 3 + rank))
    except ValueError as error:
        found["refusal"] = str(error)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
