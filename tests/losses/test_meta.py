"""MetaRM: the objective by a naive loop, the step against an analytic toy, and that nothing else is touched."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rightly.losses import difference_objective, first_order_meta_gradient, ranking_loss

groups_of_rewards = st.lists(st.lists(st.floats(-20, 20), min_size=2, max_size=6), min_size=1, max_size=5)
ETA = 0.7


def sigma(x):
    return 1 / (1 + math.exp(-x))


def naive_objective(group):
    k = len(group)
    return 2 / k**2 * math.fsum(sigma(abs(group[i] - group[j])) for j in range(k) for i in range(j))


@given(groups_of_rewards)
def test_objective_is_the_formula(groups):
    rewards = torch.tensor([reward for group in groups for reward in group], dtype=torch.float64)
    value = difference_objective(rewards, torch.tensor([len(group) for group in groups]))
    assert value.item() == pytest.approx(math.fsum(map(naive_objective, groups)) / len(groups))


def test_objective_gradients_and_extremes():
    rewards = torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda r: difference_objective(r, torch.tensor([2, 3])), (rewards,))
    extreme = torch.tensor([1e4, -1e4, 0.0, 0.0], requires_grad=True)
    difference_objective(extreme, torch.tensor([2, 2])).backward()
    assert extreme.grad is not None
    assert extreme.grad.tolist() == [0, 0, 0, 0]
    assert difference_objective(extreme.bfloat16(), torch.tensor([4])).dtype == torch.float32


@pytest.mark.parametrize(
    ("rewards", "sizes"),
    [
        (torch.zeros(2, 1), torch.tensor([2])),
        (torch.zeros(3), torch.tensor([2, 1])),
        (torch.zeros(3), torch.tensor([2])),
    ],
)
def test_objective_refuses(rewards, sizes):
    with pytest.raises(ValueError, match=r"needed|sum to"):
        difference_objective(rewards, sizes)


class Toy:
    """A linear reward r(x) = theta x in one dimension, where all derivatives are known.

    Samples x = 0 and 1: J = (2/4) sigma(|theta|), J' = s (1 - s) / 2 with s = sigma(theta) for theta > 0.
    A pair with x_c - x_r = z: L = -log sigma(theta z), L' = -z sigma(-theta z).
    """

    z = -1.3

    def __init__(self, start=0.4):
        self.theta = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        self.unused = torch.nn.Parameter(torch.tensor(5.0, dtype=torch.float64))
        self.frozen = torch.nn.Parameter(torch.tensor(6.0, dtype=torch.float64), requires_grad=False)
        self.parameters = [self.theta, self.unused, self.frozen]

    def ascent(self):
        return difference_objective(self.theta * torch.tensor([0.0, 1.0]).double(), torch.tensor([2]))

    def loss(self):
        return ranking_loss(self.theta * torch.tensor([self.z], dtype=torch.float64), torch.zeros(1).double())

    def moved(self):
        s = sigma(self.theta.item())
        return self.theta.item() + ETA * s * (1 - s) / 2


def test_step_is_the_analytic_one():
    toy = Toy()
    step = first_order_meta_gradient(toy.parameters, toy.ascent, toy.loss, step_size=ETA)
    there = toy.moved()
    assert toy.theta.grad is not None
    assert toy.theta.grad.item() == pytest.approx(-toy.z * sigma(-there * toy.z), rel=1e-12)
    assert toy.theta.item() == 0.4
    assert step.objective.item() == pytest.approx(sigma(0.4) / 2)
    assert step.loss.item() == pytest.approx(-math.log(sigma(there * toy.z)))
    assert not step.objective.requires_grad
    assert not step.loss.requires_grad
    assert toy.unused.grad is None
    assert toy.frozen.grad is None


def test_gradients_accumulate_as_after_backward():
    toy = Toy()
    toy.theta.grad = torch.tensor(10.0, dtype=torch.float64)
    first_order_meta_gradient(toy.parameters, toy.ascent, toy.loss, step_size=ETA)
    assert toy.theta.grad.item() == pytest.approx(10 - toy.z * sigma(-toy.moved() * toy.z), rel=1e-12)


def test_no_step_is_the_plain_gradient():
    toy, plain = Toy(), Toy()
    first_order_meta_gradient(toy.parameters, toy.ascent, toy.loss, step_size=0)
    plain.loss().backward()
    torch.testing.assert_close(toy.theta.grad, plain.theta.grad, rtol=0, atol=0)


def test_a_parameter_named_twice_moves_once():
    toy = Toy()
    first_order_meta_gradient([toy.theta, toy.theta], toy.ascent, toy.loss, step_size=ETA)
    assert toy.theta.grad is not None
    assert toy.theta.grad.item() == pytest.approx(-toy.z * sigma(-toy.moved() * toy.z), rel=1e-12)


def test_parameters_are_restored_to_the_bit():
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    samples, pairs = torch.randn(6, 4), torch.randn(2, 3, 4)
    first_order_meta_gradient(
        model.parameters(),
        lambda: difference_objective(model(samples)[:, 0], torch.tensor([2, 4])),
        lambda: ranking_loss(model(pairs[0])[:, 0], model(pairs[1])[:, 0]),
        step_size=0.1,
    )
    for parameter, kept in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, kept)


@pytest.mark.parametrize("broken", ["ascent", "loss"])
def test_a_failure_leaves_parameters_and_gradients_as_they_were(broken):
    toy = Toy()
    toy.theta.grad = torch.tensor(10.0, dtype=torch.float64)

    def fail():
        raise RuntimeError("out of memory")

    functions = {"ascent": toy.ascent, "loss": toy.loss, broken: fail}
    with pytest.raises(RuntimeError, match="out of memory"):
        first_order_meta_gradient(toy.parameters, **functions, step_size=ETA)
    assert toy.theta.item() == 0.4
    assert toy.theta.grad.item() == 10


def test_refusals():
    toy = Toy()
    with pytest.raises(ValueError, match="step_size"):
        first_order_meta_gradient(toy.parameters, toy.ascent, toy.loss, step_size=-1)
    with pytest.raises(ValueError, match="none of the parameters"):
        first_order_meta_gradient([toy.unused], toy.ascent, toy.loss, step_size=ETA)
