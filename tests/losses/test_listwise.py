"""Rankings of ragged groups: naive loops, ties, pairs as a special case, gradients, refusals."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rightly.losses import best_of_k_loss, plackett_luce_loss, ranking_loss

responses = st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 3)), min_size=2, max_size=6)
ragged = st.lists(responses, min_size=1, max_size=5)


def naive_efron(group):
    """One group of (reward, rank) with Python's floats, rank by rank."""
    loss = 0.0
    for rank in {rank for _, rank in group}:
        tied = [reward for reward, other in group if other == rank]
        after = math.fsum(math.exp(reward) for reward, other in group if other > rank)
        weight = math.fsum(math.exp(reward) for reward in tied)
        for drawn in range(len(tied)):
            loss += math.log(after + (1 - drawn / len(tied)) * weight)
        loss -= math.fsum(tied)
    return loss


def tensors(groups):
    rewards, ranks = zip(*itertools.chain(*groups), strict=True)
    return (
        torch.tensor(rewards, dtype=torch.float64),
        torch.tensor(ranks),
        torch.tensor([len(group) for group in groups]),
    )


@given(ragged)
def test_plackett_luce_is_the_formula(groups):
    losses = plackett_luce_loss(*tensors(groups), reduction="none")
    expected = torch.tensor([naive_efron(group) for group in groups], dtype=torch.float64)
    torch.testing.assert_close(losses, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(plackett_luce_loss(*tensors(groups)), expected.mean(), rtol=1e-9, atol=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5))
def test_the_probabilities_of_all_orders_sum_to_one(rewards):
    k = len(rewards)
    orders = list(itertools.permutations(range(k)))
    flat = torch.tensor(rewards, dtype=torch.float64).repeat(len(orders))
    ranks, sizes = torch.tensor(orders).flatten(), torch.full((len(orders),), k)
    total = plackett_luce_loss(flat, ranks, sizes, reduction="none").neg().exp().sum()
    assert total.item() == pytest.approx(1)


@given(ragged, st.randoms())
def test_the_order_of_responses_in_a_group_is_indifferent(groups, random):
    shuffled = [random.sample(group, len(group)) for group in groups]
    torch.testing.assert_close(
        plackett_luce_loss(*tensors(groups), reduction="none"),
        plackett_luce_loss(*tensors(shuffled), reduction="none"),
        rtol=1e-9,
        atol=1e-9,
    )


def test_two_responses_are_the_ranking_loss():
    chosen, rejected = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rewards, sizes = torch.stack([rejected, chosen], dim=1).flatten(), torch.full((6,), 2)
    expected = ranking_loss(chosen, rejected, reduction="none")
    torch.testing.assert_close(plackett_luce_loss(rewards, torch.tensor([1, 0] * 6), sizes, reduction="none"), expected)
    torch.testing.assert_close(best_of_k_loss(rewards, torch.ones(6).long(), sizes, reduction="none"), expected)


def test_two_tied_have_twice_the_gradient_of_target_one_half():
    rewards = torch.tensor([0.3, -1.1], dtype=torch.float64, requires_grad=True)
    (tied,) = torch.autograd.grad(plackett_luce_loss(rewards, torch.tensor([4, 4]), torch.tensor([2])), rewards)
    half = torch.tensor([0.5])
    (soft,) = torch.autograd.grad(ranking_loss(rewards[:1], rewards[1:], target=half), rewards)
    torch.testing.assert_close(tied, 2 * soft)


@pytest.mark.parametrize("ranks", [[0, 1, 2, 3], [0, 0, 1, 1], [2, 2, 2, 2], [0, 1, 1, 1]])
def test_equal_rewards_lose_log_factorial_whatever_is_tied(ranks):
    loss = plackett_luce_loss(torch.full((4,), 7.0), torch.tensor(ranks), torch.tensor([4]))
    assert loss.item() == pytest.approx(math.log(24))


def test_best_of_k_is_the_softmax_of_each_group():
    rewards = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    losses = best_of_k_loss(rewards, torch.tensor([2, 0, 1]), torch.tensor([4, 2, 3]), reduction="none")
    groups = rewards.split([4, 2, 3])
    expected = torch.stack([-g.log_softmax(0)[i] for g, i in zip(groups, (2, 0, 1), strict=True)])
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(
        best_of_k_loss(rewards, torch.tensor([2, 0, 1]), torch.tensor([4, 2, 3])), expected.mean()
    )


def test_gradients():
    rewards = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()
    sizes, ranks = torch.tensor([4, 2, 3]), torch.tensor([0, 1, 1, 2, 1, 0, 5, 5, 5])
    assert torch.autograd.gradcheck(lambda r: plackett_luce_loss(r, ranks, sizes, reduction="none"), (rewards,))
    best = torch.tensor([3, 0, 1])
    assert torch.autograd.gradcheck(lambda r: best_of_k_loss(r, best, sizes, reduction="none"), (rewards,))


@pytest.mark.parametrize("ranks", [[0, 1, 2, 0, 1], [1, 0, 0, 0, 0], [2, 2, 1, 1, 0]])
def test_extreme_rewards_stay_finite(ranks):
    rewards = torch.tensor([1e4, -1e4, 0.0, -1e4, 1e4], requires_grad=True)
    sizes = torch.tensor([3, 2])
    loss = plackett_luce_loss(rewards, torch.tensor(ranks), sizes) + best_of_k_loss(
        rewards, torch.tensor([1, 0]), sizes
    )
    loss.backward()
    assert rewards.grad is not None
    assert loss.isfinite()
    assert rewards.grad.isfinite().all()


def test_half_precision_is_computed_in_float32():
    rewards = torch.tensor([1.0, 3.0, 0.1], dtype=torch.bfloat16)
    ranks, sizes = torch.tensor([1.0, 0.0, 2.0], dtype=torch.bfloat16), torch.tensor([3])
    for half, full in (
        (plackett_luce_loss(rewards, ranks, sizes), plackett_luce_loss(rewards.float(), ranks, sizes)),
        (best_of_k_loss(rewards, torch.tensor([1]), sizes), best_of_k_loss(rewards.float(), torch.tensor([1]), sizes)),
    ):
        assert half.dtype == torch.float32
        assert half.item() == full.item()


@pytest.mark.parametrize(
    ("rewards", "ranks", "sizes", "says"),
    [
        (torch.zeros(4, 1), torch.zeros(4), torch.tensor([4]), "rewards has shape"),
        (torch.zeros(4), torch.zeros(4, 1), torch.tensor([4]), "ranks has shape"),
        (torch.zeros(4), torch.zeros(4), torch.tensor([[4]]), "sizes has shape"),
        (torch.zeros(4), torch.zeros(4), torch.tensor([4.0]), "integers"),
        (torch.zeros(4), torch.zeros(4), [4], "not a tensor"),
        (torch.zeros(4), torch.zeros(4), torch.tensor([2, 3]), "sum to 5"),
        (torch.zeros(4), torch.zeros(4), torch.tensor([3, 1]), "group 1 has 1"),
        (torch.zeros(0), torch.zeros(0), torch.tensor([], dtype=torch.long), "no groups"),
        (torch.zeros(2), torch.tensor([0, math.nan]), torch.tensor([2]), "NaN"),
    ],
)
def test_refusals(rewards, ranks, sizes, says):
    with pytest.raises(ValueError, match=says):
        plackett_luce_loss(rewards, ranks, sizes)


@pytest.mark.parametrize("best", [torch.tensor([2, 0]), torch.tensor([-1, 0]), torch.tensor([0]), torch.zeros(2, 1)])
def test_the_best_must_be_one_of_the_group(best):
    with pytest.raises(ValueError, match=r"outside|shape"):
        best_of_k_loss(torch.zeros(5), best, torch.tensor([2, 3]))
