"""Linear heads against scikit-learn and against the loss of training; frozen features against single passes."""

import numpy as np
import pytest
import torch
from scipy.optimize import check_grad

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.losses import ranking_loss
from rightly.preferences.strength import assign_folds
from rightly.reward_models.features import frozen_features
from rightly.reward_models.model import RewardModel
from rightly.training.ensemble.heads import HeadEnsemble, fit_head
from rightly.training.ensemble.run import EnsemblePlan, ensemble_margins, group_keys
from rightly.types import PreferencePair
from tests.training.conftest import write_pairs


@pytest.fixture
def differences():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 5))
    return np.where((random.random(200) < 1 / (1 + np.exp(-x @ [2, -1, 0, 0.5, 0])))[:, None], x, -x)


def test_head_without_options_equals_logistic_regression(differences):
    from sklearn.linear_model import LogisticRegression

    both, label = np.concatenate([differences, -differences]), np.repeat([1, 0], 200)
    theirs = LogisticRegression(C=1 / (2 * 3.0), fit_intercept=False, tol=1e-10).fit(both, label).coef_[0]
    assert fit_head(differences, np.ones(200), 3.0) == pytest.approx(theirs, abs=1e-3)


def test_fit_head_minimises_ranking_loss(differences):
    random = np.random.default_rng(1)
    target, margin, weight = random.random(200), random.normal(size=200), random.random(200)
    w = fit_head(differences, weight, 2.0, target=target, margin=margin)

    def loss(w):
        d = torch.tensor(differences @ w)
        terms = (torch.tensor(each) for each in (target, margin, weight))
        t, m, weights = terms
        found = ranking_loss(d, torch.zeros_like(d), target=t, margin=m, weight=weights, reduction="none")
        return float(found.sum()) + float(w @ w)

    zero = check_grad(loss, lambda w: np.zeros(5), w)
    assert zero < 1e-2 * check_grad(loss, lambda w: np.zeros(5), np.zeros(5))
    assert all(loss(w) < loss(w + step) for step in 0.1 * np.eye(5))


def test_cross_fitted_heads_score_only_held_out_pairs():
    """Features that are the pair's number: a head that saw a label knows it, one that did not has nothing to go by."""
    count = 60
    random = np.random.default_rng(0)
    features = [np.stack([np.eye(count)[n], np.zeros(count)]).astype(np.float32) for n in range(count)]
    best = random.integers(0, 2, count).tolist()
    groups = np.arange(count)
    outside = HeadEnsemble(2).margins(features, best, groups, assign_folds(range(count), 3))
    assert outside == pytest.approx(np.zeros((2, count)), abs=1e-9)
    inside = HeadEnsemble(8).margins(features, best, groups, None)
    assert (inside.mean(axis=0) > 0).mean() > 0.95


def test_heads_with_more_than_two_responses():
    random = np.random.default_rng(0)
    features = [random.normal(size=(3, 4)).astype(np.float32) for _ in range(80)]
    best = [int(np.argmax(each[:, 0])) for each in features]
    margins = HeadEnsemble(3).margins(features, best, np.arange(80), assign_folds(range(80), 4))
    assert (margins.mean(axis=0) > 0).mean() > 0.85


def test_frozen_features_equal_single_passes(tiny_model, tmp_path):
    model = RewardModel.load(tiny_model, new_head=True, max_length=64, device="cpu")
    pairs = list(load_pairs(write_pairs(tmp_path / "p.jsonl", 5)))
    found = frozen_features(model, pairs, tokens_per_batch=100)
    for pair, rows in zip(pairs, found, strict=True):
        for encoded, row in zip(model.encode(pair.context, pair.responses), rows, strict=True):
            with torch.no_grad():
                hidden = model.model.model(torch.tensor([encoded.ids])).last_hidden_state[0]
            expected = torch.cat([hidden[-encoded.response_tokens :].mean(dim=0), hidden[-1]])
            assert row == pytest.approx(expected.numpy(), abs=1e-5)


def test_group_keys_by_context_and_domain():
    pairs = [
        PreferencePair(id=str(n), responses=("x", "y"), label="A", domain=domain)
        for n, domain in enumerate(["debate/one", "debate/two", None])
    ]
    assert group_keys(pairs, "domain") == ["debate", "debate", "2"]
    assert group_keys(pairs, "context") == group_keys(pairs, "pair") == ["0", "1", "2"]


def test_pairs_without_a_label_are_refused(tmp_path):
    pair = PreferencePair(id="7", responses=("x", "y"), label="tie")
    with pytest.raises(InputError, match="pair '7' has no better response"):
        ensemble_margins(tmp_path, [pair], EnsemblePlan(base="none"))
