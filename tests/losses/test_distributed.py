"""Gathered rows: two processes under DDP have the gradients of one process with all rows."""

import pytest
import torch
import torch.multiprocessing

from rightly.losses import gather_rows
from tests.losses.two_processes import ROWS, Model, gradients, inputs, work


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(work, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def test_rows_come_in_the_order_of_ranks(found):
    for rank in (0, 1):
        assert found[rank]["gathered"].tolist() == [[0, 0], [1, 1], [1, 1]]


@pytest.mark.parametrize("kind", ["simcse", "swav"])
@pytest.mark.parametrize("case", list(ROWS))
def test_gradients_are_those_of_one_process_with_all_rows(found, case, kind):
    alone = Model()
    alone(inputs(sum(ROWS[case])), kind).backward()
    expected = gradients(alone)
    assert expected["trunk.weight"].abs().max() > 1e-3
    for rank in (0, 1):
        torch.testing.assert_close(found[rank][f"{case} {kind}"], expected)


def test_rows_of_different_widths_are_refused_on_both(found):
    assert all("[3, 4] numbers" in found[rank]["refusal"] for rank in (0, 1))


def test_a_single_process_keeps_its_tensor():
    rows = torch.zeros(2, 3, requires_grad=True)
    assert gather_rows(rows) is rows
    with pytest.raises(ValueError, match="no rows"):
        gather_rows(torch.tensor(1.0))
