"""Centering: by hand, groups against pairs, gradients."""

import pytest
import torch

from rightly.losses import centering_loss, centering_of_group, ranking_loss


def test_by_hand():
    chosen, rejected = torch.tensor([1.0, 2.0]), torch.tensor([2.0, -2.0])
    assert centering_loss(chosen, rejected).item() == 4.5
    assert centering_loss(chosen, rejected, reduction="none").tolist() == [9, 0]
    rewards, sizes = torch.tensor([1.0, 2.0, 3.0, 5.0, -4.0, -1.0]), torch.tensor([3, 1, 2])
    assert centering_of_group(rewards, sizes, reduction="none").tolist() == [16, 100, 25]


def test_groups_of_two_are_pairs():
    chosen, rejected = torch.randn(2, 7, generator=torch.Generator().manual_seed(0))
    rewards = torch.stack([chosen, rejected], dim=1).flatten()
    torch.testing.assert_close(
        centering_of_group(rewards, torch.full((7,), 2)), centering_loss(chosen, rejected), rtol=1e-6, atol=1e-6
    )


def test_gradients():
    chosen, rejected = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(centering_loss, (chosen.requires_grad_(), rejected.requires_grad_()))
    assert torch.autograd.gradcheck(lambda r: centering_of_group(r, torch.tensor([1, 4])), (chosen,))


def test_it_moves_the_level_and_the_ranking_loss_does_not():
    level = torch.zeros(1, requires_grad=True)
    chosen, rejected = torch.tensor([2.0, 1.0]) + level, torch.tensor([1.0, 2.0]) + level
    (by_ranking,) = torch.autograd.grad(ranking_loss(chosen, rejected), level, retain_graph=True)
    (by_centering,) = torch.autograd.grad(centering_loss(chosen, rejected), level)
    assert by_ranking.item() == 0
    assert by_centering.item() == 12  # 2 (c + r) twice


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        centering_of_group(torch.zeros(2), torch.tensor([2, 0]))
    with pytest.raises(ValueError, match="sum to 3"):
        centering_of_group(torch.zeros(2), torch.tensor([3]))
