"""The pairwise loss: special cases, a naive second version, gradients, extremes, refusals."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from rightly.losses import centering_loss, ranking_loss

numbers = st.floats(-30, 30)
pairs = st.lists(st.tuples(numbers, numbers, st.floats(0, 1), st.floats(-5, 5), st.floats(0, 10)), min_size=1)


def naive(chosen, rejected, target=1.0, margin=0.0, weight=1.0):
    """One pair with Python's floats: log sigma(x) = min(x, 0) - log(1 + exp(-|x|))."""

    def log_sigma(x):
        return min(x, 0.0) - math.log1p(math.exp(-abs(x)))

    d = chosen - rejected
    return -weight * (target * log_sigma(d - margin) + (1 - target) * log_sigma(-d - margin))


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


@given(pairs)
def test_it_is_the_formula(rows):
    chosen, rejected, target, margin, weight = doubles(*zip(*rows, strict=True))
    given_all = {"target": target, "margin": margin, "weight": weight}
    losses = ranking_loss(chosen, rejected, **given_all, reduction="none")
    torch.testing.assert_close(losses, doubles(*(naive(*row) for row in rows)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(ranking_loss(chosen, rejected, **given_all, reduction="sum"), losses.sum())
    # The mean is over pairs, whatever their weights.
    torch.testing.assert_close(ranking_loss(chosen, rejected, **given_all), losses.sum() / len(rows))


def test_by_hand():
    # d = log 3, so sigma(d) = 3/4.
    chosen, rejected = doubles(math.log(3)), doubles(0.0)
    assert ranking_loss(chosen, rejected).item() == pytest.approx(math.log(4 / 3))
    assert ranking_loss(chosen, rejected, target=doubles(0.0)).item() == pytest.approx(math.log(4))
    assert ranking_loss(chosen, rejected, margin=doubles(math.log(3))).item() == pytest.approx(math.log(2))
    assert ranking_loss(chosen, rejected, weight=doubles(2.0)).item() == pytest.approx(2 * math.log(4 / 3))


class TestSpecialCases:
    chosen, rejected, strength = torch.randn(3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def test_neutral_arguments_are_the_plain_loss(self):
        ones, zeros = torch.ones(9), torch.zeros(9)
        full = ranking_loss(self.chosen, self.rejected, target=ones, margin=zeros, weight=ones)
        torch.testing.assert_close(full, ranking_loss(self.chosen, self.rejected))

    def test_flip_is_the_pair_swapped_with_its_margin(self):
        margin = self.strength.abs()
        flipped = ranking_loss(self.chosen, self.rejected, target=torch.zeros(9), margin=margin)
        torch.testing.assert_close(flipped, ranking_loss(self.rejected, self.chosen, margin=margin))

    def test_smoothing_mixes_plain_and_flip(self):
        smooth = ranking_loss(self.chosen, self.rejected, target=torch.full((9,), 0.9, dtype=torch.float64))
        plain, flip = ranking_loss(self.chosen, self.rejected), ranking_loss(self.rejected, self.chosen)
        torch.testing.assert_close(smooth, 0.9 * plain + 0.1 * flip)

    def test_soft_label_is_binary_cross_entropy(self):
        target = torch.sigmoid(self.strength)
        expected = binary_cross_entropy_with_logits(self.chosen - self.rejected, target)
        torch.testing.assert_close(ranking_loss(self.chosen, self.rejected, target=target), expected)

    def test_a_soft_label_is_met_where_the_probability_is_the_target(self):
        chosen = self.strength.clone().requires_grad_()
        ranking_loss(chosen, torch.zeros_like(chosen), target=torch.sigmoid(self.strength)).backward()
        torch.testing.assert_close(chosen.grad, torch.zeros_like(chosen))

    def test_weight_zero_leaves_a_pair_out_of_the_sum_but_not_of_the_count(self):
        weight = torch.tensor([0.0] + [1.0] * 8)
        expected = ranking_loss(self.chosen[1:], self.rejected[1:], reduction="sum") / 9
        torch.testing.assert_close(ranking_loss(self.chosen, self.rejected, weight=weight), expected)


def test_gradients():
    generator = torch.Generator().manual_seed(1)
    chosen, rejected, target, margin, weight = torch.rand(5, 6, dtype=torch.float64, generator=generator)
    inputs = (chosen.requires_grad_(), rejected.requires_grad_(), target, margin, weight)

    def loss(chosen, rejected, target, margin, weight):
        return ranking_loss(chosen, rejected, target=target, margin=margin, weight=weight)

    assert torch.autograd.gradcheck(loss, inputs)


def test_extreme_rewards_stay_finite():
    chosen = torch.tensor([1e4, -1e4], requires_grad=True)
    losses = ranking_loss(chosen, -chosen.detach(), target=torch.tensor([0.5, 1.0]), reduction="none")
    assert losses.tolist() == [1e4, 2e4]
    losses.sum().backward()
    assert chosen.grad is not None
    assert chosen.grad.tolist() == [0.5, -1.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    chosen, rejected = (
        torch.tensor([3.0, 1.0], dtype=dtype, requires_grad=True),
        torch.tensor([0.01, 0.99], dtype=dtype),
    )
    loss = ranking_loss(chosen, rejected)
    assert loss.dtype == torch.float32
    # The values of half precision, subtracted without rounding once more.
    torch.testing.assert_close(loss, ranking_loss(chosen.float(), rejected.float()), rtol=0, atol=0)
    loss.backward()
    assert chosen.grad is not None
    assert chosen.grad.dtype == dtype
    assert centering_loss(chosen, rejected).dtype == torch.float32


row, column = torch.zeros(4), torch.zeros(4, 1)


@pytest.mark.parametrize(
    ("chosen", "rejected", "extra"),
    [
        (row, column, {}),
        (column, column, {}),
        (column.T, row, {}),
        (row, row[:3], {}),
        (row[:1], row, {}),
        (row[0], row[0], {}),
        (row, row, {"target": column}),
        (row, row, {"margin": row[:1]}),
        (row, row, {"weight": row[0]}),
        (row, row, {"margin": 0.5}),
    ],
)
def test_shapes_are_refused_not_broadcast(chosen, rejected, extra):
    with pytest.raises(ValueError, match=r"needed"):
        ranking_loss(chosen, rejected, **extra)
    if not extra:
        with pytest.raises(ValueError, match=r"needed"):
            centering_loss(chosen, rejected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", -0.01),
        ("target", 1.01),
        ("target", math.nan),
        ("margin", math.inf),
        ("margin", math.nan),
        ("weight", -1.0),
        ("weight", math.inf),
        ("weight", math.nan),
    ],
)
def test_values_out_of_range_are_refused(name, value):
    values = torch.tensor([0.5, value])
    with pytest.raises(ValueError, match=name):
        ranking_loss(row[:2], row[:2], **{name: values})


def test_reductions_are_checked():
    with pytest.raises(ValueError, match="reduction"):
        ranking_loss(row, row, reduction="average")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no rows"):
        ranking_loss(row[:0], row[:0])
    assert ranking_loss(row[:0], row[:0], reduction="none").shape == (0,)
    assert ranking_loss(row[:0], row[:0], reduction="sum").item() == 0
