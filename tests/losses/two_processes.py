"""What each of two processes does in test_distributed; imports little, because each process pays for it."""

from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from rightly.losses import (
    SwAV,
    difference_features,
    gather_rows,
    simcse_loss,
)

WIDTH = 4
ROWS = {"equal": (3, 3), "ragged": (4, 2), "empty": (5, 0)}


class Model(torch.nn.Module):
    """A trunk and prototypes: all that a contrastive loss trains."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.trunk = torch.nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
        self.swav = SwAV(WIDTH, prototypes=3, queue=5).double()

    def forward(self, inputs, kind):
        # Chosen and rejected under two views, (N, 4, WIDTH): gathered first, differences after.
        gathered = gather_rows(self.trunk(inputs).tanh())
        first, second = (difference_features(gathered[:, view], gathered[:, view + 1]) for view in (0, 2))
        if kind == "simcse":
            return simcse_loss(first, second, exclude_mirror=True)
        return self.swav(first, second)


def inputs(rows):
    return torch.randn(rows, 4, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(rows))


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
    try:
        gather_rows(torch.zeros(2, 3 + rank))
    except ValueError as error:
        found["refusal"] = str(error)
    torch.save(found, Path(folder) / f"{rank}.pt")
    # A rank that leaves while the other one still talks to it can abort it.
    dist.barrier()
    dist.destroy_process_group()
