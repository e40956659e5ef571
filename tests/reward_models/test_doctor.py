"""One broken checkpoint for each defect; a sound one and running servers beside them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from rightly.cli.doctor import command
from rightly.errors import InputError
from rightly.reward_models.doctor import PROBES, USUAL, examine
from rightly.reward_models.model import RewardModel
from tests.reward_models.conftest import TEMPLATE


def kinds(diagnosis):
    return {finding.kind for finding in diagnosis.findings}


def way(diagnosis, part):
    (found,) = [each for each in diagnosis.ways if part in each.name]
    return found


def test_a_sound_checkpoint_is_healthy_in_every_way(sound):
    found = examine(str(sound))
    assert found.findings == ()
    assert found.healthy
    assert len(found.ways) == 6
    assert all(each.agrees and each.turned == 0 for each in found.ways)
    assert max(each.largest for each in found.ways) < 1e-5
    assert len(found.rewards) == 2 * len(PROBES)


def test_what_we_save_is_healthy_and_brings_its_contract(sound, tmp_path):
    RewardModel.load(sound, device="cpu").save(tmp_path)
    found = examine(str(tmp_path))
    assert found.findings == ()
    assert found.contract


def test_pad_that_is_the_final_token(broken):
    found = examine(str(broken(config={"pad_token_id": 2}, tokenizer_config={"pad_token": "<end>"})))
    assert {"pad-is-final", "disagrees"} <= kinds(found)
    assert not found.healthy
    assert not way(found, "padded right").agrees
    assert way(found, "rightly, packed").agrees
    (finding,) = [each for each in found.findings if each.kind == "pad-is-final"]
    assert "'<pad>'" in finding.cure or "'<unk>'" in finding.cure


def test_no_pad_token(broken):
    found = examine(str(broken(config={"pad_token_id": None}, tokenizer_config={"pad_token": None})))
    assert "no-pad" in kinds(found)
    assert "Cannot handle batch sizes > 1" in way(found, "padded right").failure


def test_tokeniser_and_configuration_pad_differently(broken):
    found = examine(str(broken(config={"pad_token_id": 3})))
    assert "pad-disagrees" in kinds(found)
    assert not way(found, "padded right").agrees


def test_pad_outside_the_vocabulary(broken):
    assert "pad-out-of-range" in kinds(examine(str(broken(config={"pad_token_id": 5000}))))


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
    assert sum("adapter beside its base" in each.name for each in found.ways) == 3
    assert examine(str(sound)).rewards != found.rewards


def test_an_adapter_without_its_head(sound, tmp_path):
    found = examine(str(_adapter(sound, tmp_path, modules_to_save=None)))
    assert kinds(found) == {"random-head"}
    assert "modules_to_save" in found.findings[0].cure


def _adapter(sound, folder, modules_to_save):
    from peft import LoraConfig, get_peft_model

    model = AutoModelForSequenceClassification.from_pretrained(sound)
    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, modules_to_save=modules_to_save
    )
    get_peft_model(model, config).save_pretrained(folder / "adapter")
    return folder / "adapter"


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
