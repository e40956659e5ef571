"""One broken checkpoint for each defect; a sound one and running servers beside them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
)

from rightly.cli.doctor import command
from rightly.errors import InputError
from rightly.reward_models.doctor import PROBES, USUAL, examine
from rightly.reward_models.model import RewardModel
from tests.reward_models.conftest import TEMPLATE
from tests.training.bases import make_encoder


def kinds(diagnosis):
    return {finding.kind for finding in diagnosis.findings}


def way(diagnosis, part):
    (found,) = [each for each in diagnosis.paths if part in each.name]
    return found


def test_a_sound_checkpoint_is_healthy_in_every_way(sound):
    found = examine(str(sound))
    assert found.findings == ()
    assert found.healthy
    assert len(found.paths) == 6
    assert all(each.agrees and each.order_flips == 0 for each in found.paths)
    assert max(each.largest for each in found.paths) < 1e-5
    assert len(found.rewards) == 2 * len(PROBES)


def test_what_we_save_is_healthy_and_brings_its_contract(sound, tmp_path):
    RewardModel.load(sound, device="cpu").save(tmp_path)
    found = examine(str(tmp_path))
    assert found.findings == ()
    assert found.contract


def finding(diagnosis, kind):
    (found,) = [each for each in diagnosis.findings if each.kind == kind]
    return found


def test_pad_that_is_the_final_token(broken):
    folder = broken(config={"pad_token_id": 2}, tokenizer_config={"pad_token": "<end>"})
    found = examine(str(folder))
    assert {"pad-is-final", "disagrees"} <= kinds(found)
    assert not found.healthy
    assert not way(found, "padded right").agrees
    assert way(found, "rightly, packed").agrees
    told = finding(found, "pad-is-final")
    assert f"{folder}/config.json: the pad token '<end>' (2)" in told.problem
    assert f"set pad_token_id in {folder}/config.json to '<pad>' (0)" in told.cure
    assert f"pad_token in {folder}/tokenizer_config.json to the same token" in told.cure


def test_pad_that_is_the_final_token_in_one_file_names_the_token_and_the_file(broken):
    """The other file is right, so the cure is to follow it."""
    folder = broken(config={"pad_token_id": 2})
    found = examine(str(folder))
    told = finding(found, "pad-is-final")
    assert f"{folder}/config.json: the pad token '<end>' (2)" in told.problem
    assert told.cure == f"set pad_token_id in {folder}/config.json to '<pad>' (0); the weights stay as they are"
    assert "pad-disagrees" not in kinds(found)


def test_a_tokeniser_that_pads_with_the_final_token_is_to_follow_the_configuration(broken):
    folder = broken(tokenizer_config={"pad_token": "<end>"})
    found = examine(str(folder))
    told = finding(found, "pad-is-final")
    assert f"{folder}/tokenizer_config.json: batches are filled with '<end>' (2)" in told.problem
    assert told.cure == f"set pad_token in {folder}/tokenizer_config.json to '<pad>' (0); the weights stay as they are"
    assert "pad-disagrees" not in kinds(found)


def test_the_cures_of_pad_tokens_cure(broken):
    """What the findings say, done to the files."""
    folder = broken(config={"pad_token_id": 2}, tokenizer_config={"pad_token": "<end>"})
    for name, key, value in (("config", "pad_token_id", 0), ("tokenizer_config", "pad_token", "<pad>")):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert examine(str(folder)).findings == ()


def test_a_tokeniser_without_a_pad_token(broken):
    folder = broken(tokenizer_config={"pad_token": None})
    told = finding(examine(str(folder)), "no-pad")
    assert told.severity == "warning"
    assert told.cure == f"set pad_token in {folder}/tokenizer_config.json to '<pad>' (0); the weights stay as they are"


def test_no_pad_token(broken):
    found = examine(str(broken(config={"pad_token_id": None}, tokenizer_config={"pad_token": None})))
    assert "no-pad" in kinds(found)
    assert "Cannot handle batch sizes > 1" in way(found, "padded right").failure


def test_tokeniser_and_configuration_pad_differently(broken):
    folder = broken(config={"pad_token_id": 3})
    found = examine(str(folder))
    told = finding(found, "pad-disagrees")
    assert (
        f"{folder}/tokenizer_config.json pads with '<pad>' (0), {folder}/config.json looks for '<unk>' (3)"
        in told.problem
    )
    assert told.cure.startswith(f"set pad_token_id in {folder}/config.json to '<pad>' (0)")
    assert not way(found, "padded right").agrees


def test_pad_outside_the_vocabulary(broken):
    folder = broken(config={"pad_token_id": 5000})
    found = examine(str(folder))
    told = finding(found, "pad-out-of-range")
    assert told.cure.startswith(f"set pad_token_id in {folder}/config.json to '<pad>' (0)")
    assert "Padding_idx" in way(found, "transformers").failure
    assert way(found, "rightly, packed").agrees


def test_a_head_that_was_never_saved(sound, tmp_path):
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(sound)).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((sound / file).read_bytes())
    found = examine(str(tmp_path))
    assert kinds(found) == {"random-head"}
    assert not found.healthy


def test_a_head_of_zeros(broken):
    folder = broken()
    weights = load_file(folder / "model.safetensors")
    weights["score.weight"].zero_()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "constant" in kinds(examine(str(folder)))


def test_damaged_weights(broken):
    folder = broken()
    weights = load_file(folder / "model.safetensors")
    weights["score.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "not-finite" in kinds(examine(str(folder)))


def test_tokeniser_larger_than_the_embedding(broken):
    folder = broken()
    table = json.loads((folder / "tokenizer.json").read_text())
    table["model"]["vocab"]["extra"] = len(table["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(table))
    assert "vocabulary" in kinds(examine(str(folder)))


def _template(folder, template):
    file = folder / "chat_template.jinja"
    assert file.exists()
    if template is None:
        file.unlink()
    else:
        file.write_text(template)
    return folder


def test_no_template(broken):
    assert "no-template" in kinds(examine(str(_template(broken(), None))))


def test_a_template_without_an_end(broken):
    found = examine(str(_template(broken(), TEMPLATE.replace("<end>", ""))))
    assert "no-final-token" in kinds(found)
    assert found.healthy  # it may have been trained so


def test_two_start_tokens(broken):
    folder = _template(broken(), "<s>" + TEMPLATE)
    table = json.loads((folder / "tokenizer.json").read_text())
    table["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(table))
    found = examine(str(folder))
    assert "double-start" in kinds(found)
    assert not way(found, USUAL).agrees


def test_an_adapter_agrees_merged_and_beside_its_base(sound, tmp_path):
    folder = _adapter(sound, tmp_path, modules_to_save=["score"])
    found = examine(str(folder))
    assert found.findings == ()
    assert sum("adapter beside its base" in each.name for each in found.paths) == 3
    assert examine(str(sound)).rewards != found.rewards


def test_an_adapter_without_its_head(sound, tmp_path):
    found = examine(str(_adapter(_headless(sound, tmp_path / "base"), tmp_path, modules_to_save=None)))
    assert kinds(found) == {"random-head"}
    assert "score.weight" in found.findings[0].problem
    assert "modules_to_save=['score']" in found.findings[0].cure


def test_an_adapter_without_a_head_takes_the_trained_one_of_its_base(sound, tmp_path):
    found = examine(str(_adapter(sound, tmp_path, modules_to_save=None)))
    assert found.findings == ()


def test_an_adapter_beside_a_base_that_pads_with_the_final_token(broken, tmp_path):
    """An adapter has no configuration of its own: its base's is named, and one checkpoint of both is right."""
    base = broken(config={"pad_token_id": 2})
    folder = _adapter(base, tmp_path, modules_to_save=["score"])
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / file).write_bytes((base / file).read_bytes())
    found = examine(str(folder))
    assert not way(found, "batches of 16 padded right").agrees
    told = finding(found, "pad-is-final")
    assert f"{base}/config.json: the pad token '<end>' (2)" in told.problem
    assert f"RewardModel.load({str(folder)!r}).save(FOLDER)" in told.cure
    assert "model.config.pad_token_id after loading to '<pad>' (0)" in told.cure
    RewardModel.load(folder, device="cpu").save(tmp_path / "merged")
    assert examine(str(tmp_path / "merged")).findings == ()


def _headless(sound, folder):
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(sound)).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / file).write_bytes((sound / file).read_bytes())
    return folder


def _adapter(base, folder, modules_to_save):
    from peft import LoraConfig, get_peft_model

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, modules_to_save=modules_to_save
    )
    get_peft_model(model, config).save_pretrained(folder / "adapter")
    return folder / "adapter"


@pytest.fixture
def encoder(tmp_path):
    """A reward model that reads the first token, saved by us."""
    base = make_encoder(tmp_path / "base", kind="bert")
    model = RewardModel.load(base, device="cpu", new_head=True)
    model.save(tmp_path / "encoder")
    return tmp_path / "encoder"


def test_an_encoder_is_not_condemned_under_left_padding(encoder):
    """Its reward is read off the first token, which left padding displaces; its tokeniser pads right."""
    found = examine(str(encoder))
    assert found.healthy
    left = way(found, "padded left")
    assert not left.agrees
    assert not left.applicable
    assert finding(found, "not-applicable").severity == "note"
    assert "disagrees" not in kinds(found)
    assert way(found, "padded right").agrees
    said = CliRunner().invoke(command, [str(encoder), "--device", "cpu"])
    assert said.exit_code == 0
    assert "not applicable" in said.output


def test_an_encoder_whose_tokeniser_pads_left_is_condemned(encoder):
    path = encoder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"padding_side": "left"}))
    found = examine(str(encoder))
    assert not found.healthy
    assert not way(found, "padded left").agrees
    assert way(found, "padded left").applicable
    assert finding(found, "left-padding").cure == f"set padding_side in {path} to right"


@pytest.fixture
def absolute(sound, tmp_path):
    """A decoder with a vector for each position: plain batches padded left move the text."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(AutoTokenizer.from_pretrained(sound)), n_embd=32, n_layer=2, n_head=4, n_positions=512,
        num_labels=1, pad_token_id=0, bos_token_id=1, eos_token_id=2, initializer_range=0.2,
    )  # fmt: skip
    folder = tmp_path / "absolute"
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / file).write_bytes((sound / file).read_bytes())
    return folder


def test_a_decoder_with_absolute_positions_is_warned_of_under_left_padding(absolute):
    found = examine(str(absolute))
    assert found.healthy
    told = finding(found, "left-padding")
    assert told.severity == "warning"
    assert "gpt2" in told.problem
    assert "position_ids=attention_mask.cumsum(1) - 1" in told.cure


def test_a_decoder_with_absolute_positions_whose_tokeniser_pads_left_is_condemned(absolute):
    path = absolute / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"padding_side": "left"}))
    found = examine(str(absolute))
    assert not found.healthy
    assert finding(found, "left-padding").severity == "error"
    assert f"set padding_side in {path} to right" in finding(found, "left-padding").cure


class _Server(BaseHTTPRequestHandler):
    """Answers like vLLM and SGLang, after the published request and answer shapes."""

    model = None
    pools = -1

    def do_GET(self):
        self.answer({"data": [{"id": "served"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert body["model"] == "served"
        if self.path == "/classify":
            assert body["use_activation"] is False
        with torch.inference_mode():
            hidden = self.model.model(torch.tensor([body["input"]])).last_hidden_state[:, self.pools]
            reward = self.model.score(hidden).item()
        row = {"probs": [reward]} if self.path == "/classify" else {"embedding": [reward]}
        self.answer({"data": [{"index": 0, **row}]})

    def answer(self, table):
        payload = json.dumps(table).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


@pytest.fixture
def served(sound):
    class Server(_Server):
        model = AutoModelForSequenceClassification.from_pretrained(sound).eval()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Server, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("protocol", ["vllm", "sglang"])
def test_a_server_that_agrees(sound, served, protocol):
    found = examine(str(sound), endpoint=served[1], protocol=protocol)
    assert way(found, protocol).agrees


def test_a_server_that_pools_elsewhere(sound, served):
    served[0].pools = -2
    found = examine(str(sound), endpoint=served[1])
    assert not way(found, "vllm").agrees
    assert not found.healthy


def test_no_server(sound):
    with pytest.raises(InputError, match="does not answer"):
        examine(str(sound), endpoint="http://127.0.0.1:9")


def test_command_says_it_and_exits_by_health(sound, broken):
    good = CliRunner().invoke(command, [str(sound), "--device", "cpu"])
    assert good.exit_code == 0, good.output
    assert "no error found" in good.output
    bad = CliRunner().invoke(command, [str(broken(config={"pad_token_id": 2})), "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["findings"][0]["severity"] == "error"
