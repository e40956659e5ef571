"""Sinkhorn's marginals, SwAV against a naive version, its queue and its state."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rightly.losses import SwAV, sinkhorn


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def module(seed=0, **settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SwAV(6, prototypes=4, **settings).double()


def naive_sinkhorn(scores, epsilon, iterations):
    """As SwAV's own code does it: exponentials, prototypes to 1 / K, rows to 1 / N."""
    q = torch.exp(scores / epsilon).T
    q = q / q.sum()
    for _ in range(iterations):
        q = q / q.sum(1, keepdim=True) / q.shape[0]
        q = q / q.sum(0, keepdim=True) / q.shape[1]
    return (q * q.shape[1]).T


def unit(rows):
    return rows / rows.norm(dim=1, keepdim=True)


@given(st.integers(1, 12), st.integers(1, 6), st.sampled_from([0.05, 0.3, 1.0]), st.integers(1, 5), st.integers(0, 99))
def test_sinkhorn_is_the_official_one(rows, prototypes, epsilon, iterations, seed):
    scores = draw(rows, prototypes, seed=seed).tanh()
    assigned = sinkhorn(scores, epsilon=epsilon, iterations=iterations)
    torch.testing.assert_close(assigned, naive_sinkhorn(scores, epsilon, iterations), rtol=1e-8, atol=1e-12)


def test_sinkhorn_uses_all_prototypes_equally():
    # All rows like prototype 0 best; without equipartition they would all go there.
    scores = draw(40, 5).tanh() * 0.3
    scores[:, 0] += 1
    assigned = sinkhorn(scores, iterations=300)
    torch.testing.assert_close(assigned.sum(1), torch.ones(40, dtype=torch.float64))
    torch.testing.assert_close(assigned.sum(0), torch.full((5,), 8.0, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    assert (scores / 0.05).softmax(1).sum(0)[0] > 39


def test_sinkhorn_of_huge_scores_and_half_precision():
    scores = torch.tensor([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4]], dtype=torch.bfloat16)
    assigned = sinkhorn(scores, epsilon=0.05)
    assert assigned.dtype == torch.float32
    torch.testing.assert_close(assigned, torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((4,), {}), ((0, 3), {}), ((3, 0), {}), ((2, 2), {"epsilon": 0}), ((2, 2), {"iterations": 0})],
)
def test_sinkhorn_refuses(shape, settings):
    with pytest.raises(ValueError, match="needed"):
        sinkhorn(torch.zeros(shape), **settings)


def test_loss_is_the_formula():
    swav, first, second = module(), draw(7, 6), draw(7, 6, seed=1)
    directions = unit(swav.prototypes.detach())
    scores = [unit(view) @ directions.T for view in (first, second)]
    assigned = [naive_sinkhorn(score, 0.05, 3) for score in scores]
    log_p = [(score / 0.1).log_softmax(1) for score in scores]
    expected = -(assigned[0] * log_p[1]).sum(1).mean() - (assigned[1] * log_p[0]).sum(1).mean()
    torch.testing.assert_close(swav(first, second), expected)
    torch.testing.assert_close(swav(5 * first, second / 3), expected)


def test_no_gradient_flows_through_the_assignments():
    # Assignments are held fixed while the formula is differentiated; the module must agree.
    swav, first, second = module(), draw(5, 6).requires_grad_(), draw(5, 6, seed=1).requires_grad_()
    inputs = (first, second, swav.prototypes)
    gradients = torch.autograd.grad(swav(first, second), inputs)
    scores = [unit(view) @ unit(swav.prototypes).T for view in (first, second)]
    fixed = [sinkhorn(score.detach()) for score in scores]
    loss = -(fixed[0] * (scores[1] / 0.1).log_softmax(1)).sum(1).mean()
    loss = loss - (fixed[1] * (scores[0] / 0.1).log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(gradients, torch.autograd.grad(loss, inputs))


def test_the_queue_counts_for_the_assignments_only():
    swav, views = module(queue=8), [(draw(5, 6, seed=seed), draw(5, 6, seed=seed + 50)) for seed in range(3)]
    directions = unit(swav.prototypes.detach())
    earlier = [torch.zeros(0, 6, dtype=torch.float64)] * 2
    for pair in views:
        scores = [unit(view) @ directions.T for view in pair]
        assigned = []
        for view, score in enumerate(scores):
            everything = torch.cat([score, unit(earlier[view]) @ directions.T])
            assigned.append(naive_sinkhorn(everything, 0.05, 3)[:5])
        log_p = [(score / 0.1).log_softmax(1) for score in scores]
        expected = -(assigned[0] * log_p[1]).sum(1).mean() - (assigned[1] * log_p[0]).sum(1).mean()
        torch.testing.assert_close(swav(*pair), expected)
        earlier = [torch.cat([view, rows])[:8] for view, rows in zip(pair, earlier, strict=True)]
    for view in (0, 1):
        torch.testing.assert_close(swav.queue[view], unit(earlier[view]))


def test_a_batch_larger_than_the_queue_fills_it():
    swav, first, second = module(queue=3), draw(5, 6), draw(5, 6, seed=1)
    swav(first, second)
    assert int(swav.queued) == 3
    torch.testing.assert_close(swav.queue, torch.stack([unit(first)[:3], unit(second)[:3]]))


def test_evaluation_leaves_the_queue_alone():
    swav, first, second = module(queue=8), draw(5, 6), draw(5, 6, seed=1)
    swav(first, second)
    before = swav.queue.clone()
    swav.eval()(second, first)
    assert int(swav.queued) == 5
    assert torch.equal(swav.queue, before)


def test_a_resumed_module_goes_on_exactly():
    kept, resumed = module(queue=8), module(seed=1, queue=8)
    kept(draw(5, 6), draw(5, 6, seed=1))
    resumed.load_state_dict(kept.state_dict())
    for seed in (2, 3):
        pair = draw(5, 6, seed=seed), draw(5, 6, seed=seed + 50)
        assert torch.equal(kept(*pair), resumed(*pair))
    assert set(kept.state_dict()) == {"prototypes", "queue", "queued"}


def test_autocast_does_not_round_the_cosines():
    swav, first, second = module().float(), draw(8, 6).float(), draw(8, 6, seed=1).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = swav(first, second)
    assert inside.dtype == torch.float32
    assert inside.item() == swav(first, second).item()
    assert swav(first.bfloat16(), second.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(("first", "second"), [((4, 6), (3, 6)), ((4, 5), (4, 5)), ((6,), (6,)), ((0, 6), (0, 6))])
def test_views_are_refused(first, second):
    with pytest.raises(ValueError, match=r"needed|prototypes have"):
        module()(torch.zeros(first).double(), torch.zeros(second).double())


@pytest.mark.parametrize(
    "settings",
    [{"prototypes": 0}, {"temperature": 0.0}, {"epsilon": -1.0}, {"iterations": 0}, {"queue": -1}, {"width": 0}],
)
def test_settings_are_refused(settings):
    with pytest.raises(ValueError, match="needed"):
        SwAV(**{"width": 3, **settings})
