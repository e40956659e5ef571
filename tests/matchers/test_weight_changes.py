"""Changes of weights, cut by singular values, stored and added to the base again."""

import pytest
import torch
from torch import nn

from rightly.errors import InputError
from rightly.matchers.weight_changes import FILE, apply_changes, save_changes


class Net(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Linear(width, 10)
        self.norm = nn.LayerNorm(10)
        self.frozen = nn.Linear(10, 10)
        self.score = nn.Linear(10, 5)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    base, trained = Net(), Net()
    trained.load_state_dict(base.state_dict())
    with torch.no_grad():
        trained.body.weight += torch.randn(10, 2) @ torch.randn(2, 12) * 0.1  # a change of rank 2
        trained.body.bias += 0.5
        trained.norm.weight *= 2
        trained.score.weight.normal_()
    return base, trained


def reloaded(base, trained, folder, rank):
    save_changes(trained, {name: weight.clone() for name, weight in base.state_dict().items()}, folder, rank)
    other = Net()
    state = {name: weight for name, weight in base.state_dict().items() if not name.startswith("score")}
    other.load_state_dict(state, strict=False)  # a base gets a new random head every time
    apply_changes(other, folder)
    return other


@pytest.mark.parametrize("rank", [None, 2, 5])
def test_changes_within_the_rank_are_restored(rank, nets, tmp_path):
    base, trained = nets
    for name, weight in reloaded(base, trained, tmp_path, rank).state_dict().items():
        torch.testing.assert_close(weight, trained.state_dict()[name], atol=1e-3 if rank else 0, rtol=0)


def test_a_smaller_rank_keeps_the_best_approximation(nets, tmp_path):
    base, trained = nets
    change = trained.body.weight - base.body.weight
    left, values, right = torch.linalg.svd(change)
    best = base.body.weight + values[0] * left[:, :1] @ right[:1]
    torch.testing.assert_close(reloaded(base, trained, tmp_path, 1).body.weight, best, atol=1e-3, rtol=0)


def test_unchanged_weights_are_not_stored_and_the_head_always_is(nets, tmp_path):
    from safetensors.torch import load_file

    base, trained = nets
    trained.score.load_state_dict(base.score.state_dict())
    save_changes(trained, base.state_dict(), tmp_path, 2)
    names = set(load_file(tmp_path / FILE))
    assert not any(name.startswith("frozen") for name in names)
    assert {"score.weight.whole", "score.bias.whole", "body.weight.left", "body.weight.right"} <= names


def test_another_base_and_a_broken_file_are_refused(nets, tmp_path):
    base, trained = nets
    save_changes(trained, base.state_dict(), tmp_path, 2)
    with pytest.raises(InputError, match=r"changes\.safetensors: does not fit the base \(weight body\.weight\)"):
        apply_changes(Net(width=13), tmp_path)
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(InputError, match=r"changes\.safetensors: cannot be read"):
        apply_changes(base, tmp_path)
    (tmp_path / FILE).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        apply_changes(base, tmp_path)
