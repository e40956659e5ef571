"""Fingerprints: other content is another thing, whatever its path; the same content is the same thing, wherever it lies."""

import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from rightly.errors import InputError
from rightly.store import fingerprint as module
from rightly.store.fingerprint import file_fingerprint, fingerprint, model_fingerprint


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"hidden_size": 4}')
    (folder / "tokenizer.json").write_text('{"vocab": ["a"]}')
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    write_weights(folder)
    return folder


def write_weights(folder, **changes):
    random = np.random.default_rng(0)
    tensors = {f"layer{n}": random.normal(size=(300, 300)).astype(np.float32) for n in range(3)}
    tensors["score"] = np.ones((1, 300), dtype=np.float32)
    for name, value in changes.items():
        tensors[name] = value
    save_file(tensors, folder / "model.safetensors")


def other(text):
    return lambda folder: (folder / text.split("=")[0]).write_text(text.split("=")[1])


MAKES_ANOTHER = {
    "configuration": other('config.json={"hidden_size": 5}'),
    "tokenizer": other('tokenizer.json={"vocab": ["b"]}'),
    "template": other("chat_template.jinja=other"),
    "reward contract": other('reward_contract.json={"max_length": 9}'),
    "code": other("modeling.py=x = 1"),
    "body": lambda folder: write_weights(folder, layer1=np.ones((300, 300), dtype=np.float32)),
    "head": lambda folder: write_weights(folder, score=np.zeros((1, 300), dtype=np.float32)),
    "shapes": lambda folder: write_weights(folder, layer1=np.ones((300, 200), dtype=np.float32)),
}
MAKES_THE_SAME = {
    "notes": other("README.md=changed"),
    "a trainer's state": other("trainer_state.json=3"),
    "our summary": other('training_summary.json={"x": 1}'),
    "optimiser": other("optimizer.pt=x"),
}


@pytest.mark.parametrize("whole", [1 << 30, 1000], ids=["read whole", "sampled"])
@pytest.mark.parametrize("what", MAKES_ANOTHER)
def test_model_fingerprint_changes_with_every_part(model, what, whole, monkeypatch):
    monkeypatch.setattr(module, "WHOLE", whole)
    before = model_fingerprint(model)
    MAKES_ANOTHER[what](model)
    assert model_fingerprint(model) != before


@pytest.mark.parametrize("what", MAKES_THE_SAME)
def test_model_fingerprint_ignores_unrelated_files(model, what):
    before = model_fingerprint(model)
    MAKES_THE_SAME[what](model)
    checkpoint = model / "checkpoint-3"
    checkpoint.mkdir()
    write_weights(checkpoint)
    assert model_fingerprint(model) == before


def test_model_fingerprint_ignores_path(model, tmp_path):
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(model, copy)
    os.utime(copy / "model.safetensors", (1, 1))
    assert model_fingerprint(copy) == model_fingerprint(str(model))


def test_adapter_fingerprint_includes_base(model, tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(model)}))
    before = model_fingerprint(adapter)
    write_weights(model, score=np.zeros((1, 300), dtype=np.float32))
    assert model_fingerprint(adapter) != before


def test_fingerprint_reads_a_thousandth_of_sixteen_gigabytes(model, monkeypatch):
    tensor = 1 << 27
    names = {f"layer{n}": {"dtype": "BF16", "shape": [tensor // 2], "data_offsets": [n * tensor, (n + 1) * tensor]}
             for n in range(128)}  # fmt: skip
    table = json.dumps(names).encode()
    with (model / "model.safetensors").open("wb") as file:
        file.write(len(table).to_bytes(8, "little") + table)
        file.truncate(8 + len(table) + 128 * tensor)  # sparse
    read, pread = [], os.pread
    monkeypatch.setattr(os, "pread", lambda *where: read.append(where[1]) or pread(*where))
    before = model_fingerprint(model)
    assert 384 <= len(read) <= 400  # three blocks of every tensor and the table
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(8 + len(table) + 77 * tensor)
        file.write(b"\x01")
    assert model_fingerprint(model) != before


def test_torch_checkpoint_fingerprint_uses_checksums(model, monkeypatch):
    monkeypatch.setattr(module, "WHOLE", 1000)
    (model / "model.safetensors").unlink()

    def write(middle):
        with zipfile.ZipFile(model / "pytorch_model.bin", "w") as archive:
            archive.writestr("data/0", bytes(500_000) + middle + bytes(500_000))

    write(b"a")
    before = model_fingerprint(model)
    write(b"b")
    assert model_fingerprint(model) != before


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that is out of reach, and a local cache with one model."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    def unreachable(*_, **__):
        raise OfflineModeIsEnabled("offline")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    refs = tmp_path / "models--org--judge" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("c0ffee")
    return refs / "main"


def test_hub_model_fingerprint_is_its_commit(hub):
    before = model_fingerprint("org/judge")
    assert model_fingerprint("org/judge") == before
    hub.write_text("decade")
    assert model_fingerprint("org/judge") != before
    with pytest.raises(InputError, match="org/other: no such folder or model"):
        model_fingerprint("org/other")


def test_hub_commit_is_preferred_to_cache(hub, monkeypatch):
    import huggingface_hub

    cached = model_fingerprint("org/judge")
    info = type("Info", (), {"sha": "facade"})
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: info)
    assert model_fingerprint("org/judge") != cached


@pytest.mark.parametrize("name", ["./gone", "/no/such/folder", "a/b/c"])
def test_unknown_model_name_gives_one_line_error(name):
    with pytest.raises(InputError, match=f"{name}: no such folder"):
        model_fingerprint(name)


def test_fingerprints_of_files_and_parts(tmp_path):
    path = tmp_path / "file"
    path.write_text("a")
    before = file_fingerprint(path)
    path.write_text("b")
    assert file_fingerprint(path) != before
    assert fingerprint("a", x=1, y=2) == fingerprint("a", y=2, x=1)
    assert len({fingerprint("a", x=1), fingerprint("b", x=1), fingerprint("a", x="1"), fingerprint("a", y=1)}) == 4
    with pytest.raises(InputError, match="cannot be read"):
        file_fingerprint(tmp_path / "none")
