"""Features, SimCSE: naive versions, masks, gradients, precision under autocast, refusals."""

import math

import pytest
import torch

from rightly.losses import difference_features, response_features, simcse_loss
from rightly.losses.contrastive_features import cosines, unit_rows


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def naive_simcse(first, second, temperature, mirror=False):
    """Row by row with Python's floats."""

    def cosine(u, v):
        dot = math.fsum(a * b for a, b in zip(u, v, strict=True))
        return dot / math.sqrt(math.fsum(a * a for a in u) * math.fsum(b * b for b in v))

    rows, others, n = first.tolist(), second.tolist(), len(first)
    losses = []
    for i, row in enumerate(rows):
        left_out = (i + n // 2) % n if mirror else None
        weights = [math.exp(cosine(row, v) / temperature) for j, v in enumerate(others) if j != left_out]
        losses.append(math.log(math.fsum(weights)) - cosine(row, others[i]) / temperature)
    return math.fsum(losses) / n


def test_features_by_hand():
    chosen, rejected = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 5.0], [1.0, 1.0]])
    assert response_features(chosen, rejected).tolist() == [[1, 2], [3, 4], [0, 5], [1, 1]]
    assert difference_features(chosen, rejected).tolist() == [[1, -3], [2, 3], [-1, 3], [-2, -3]]


def test_features_of_half_precision_differ_by_what_they_differ():
    chosen, rejected = torch.tensor([[256.0]], dtype=torch.bfloat16), torch.tensor([[1.0078125]], dtype=torch.bfloat16)
    assert difference_features(chosen, rejected)[0].item() == 254.9921875
    assert response_features(chosen, rejected).dtype == torch.float32


@pytest.mark.parametrize("features", [difference_features, response_features])
@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [((4, 3), (3, 3)), ((4, 3), (4, 1)), ((4, 3), (1, 3)), ((4,), (4,)), ((0, 3), (0, 3)), ((2, 4, 3), (2, 4, 3))],
)
def test_features_refuse(features, chosen, rejected):
    with pytest.raises(ValueError, match="needed"):
        features(torch.zeros(chosen), torch.zeros(rejected))


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_simcse_is_the_formula(temperature, mirror):
    first, second = draw(6, 4), draw(6, 4, seed=1)
    loss = simcse_loss(first, second, temperature=temperature, exclude_mirror=mirror)
    expected = naive_simcse(first, second, temperature, mirror)
    assert loss.item() == pytest.approx(expected, rel=1e-10)


def test_one_row_has_nothing_to_be_told_from():
    assert simcse_loss(draw(1, 4), draw(1, 4, seed=1)).item() == 0
    difference = difference_features(draw(1, 4), draw(1, 4, seed=1))
    assert simcse_loss(difference, difference, exclude_mirror=True).item() == 0


def test_the_mirror_of_difference_features_is_what_is_left_out():
    # Without it, all that the candidates of row i hold besides its own view are the other pairs' differences.
    views = [difference_features(draw(3, 5, seed=seed), draw(3, 5, seed=9)) for seed in (0, 1)]
    loss = simcse_loss(*views, temperature=1.0, exclude_mirror=True)
    cosine = cosines(*views)
    keep = torch.ones(6, 6).bool()
    for i in range(3):
        torch.testing.assert_close(views[0][i], -views[0][i + 3])
        keep[i, i + 3] = keep[i + 3, i] = False
    expected = (torch.where(keep, cosine.exp(), 0).sum(1).log() - cosine.diagonal()).mean()
    torch.testing.assert_close(loss, expected)


def test_gradients():
    first, second = draw(4, 3).requires_grad_(), draw(4, 3, seed=1).requires_grad_()

    def loss(first, second):
        return simcse_loss(first, second, temperature=0.3, exclude_mirror=True)

    assert torch.autograd.gradcheck(loss, (first, second))


def test_a_row_of_zeros_is_no_direction_and_gets_no_gradient():
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    torch.testing.assert_close(unit_rows(rows), torch.tensor([[0.0, 0.0], [0.6, 0.8]]))
    simcse_loss(rows, torch.tensor([[1.0, 0.0], [0.0, 1.0]])).backward()
    assert rows.grad is not None
    assert rows.grad[0].tolist() == [0, 0]
    assert rows.grad[1].abs().sum() > 0


def test_autocast_does_not_round_the_cosines():
    first, second = draw(8, 16).float(), draw(8, 16, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = simcse_loss(first, second)
    assert inside.dtype == torch.float32
    assert inside.item() == simcse_loss(first, second).item()


def test_large_features_and_half_precision():
    first, second = (1e4 * draw(4, 8)).bfloat16(), (1e-4 * draw(4, 8, seed=1)).bfloat16()
    loss = simcse_loss(first, second)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(simcse_loss(first.double(), second.double()).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "settings"),
    [
        ((4, 3), (3, 3), {}),
        ((4, 3), (4, 1), {}),
        ((4,), (4,), {}),
        ((0, 3), (0, 3), {}),
        ((4, 3), (4, 3), {"temperature": 0.0}),
        ((4, 3), (4, 3), {"temperature": math.nan}),
        ((3, 3), (3, 3), {"exclude_mirror": True}),
    ],
)
def test_simcse_refuses(first, second, settings):
    with pytest.raises(ValueError, match=r"needed|even"):
        simcse_loss(torch.ones(first), torch.ones(second), **settings)
