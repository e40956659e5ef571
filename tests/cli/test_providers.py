"""Keys of several providers in one audit: each is sent to its own host only."""

import json

import pytest

from rightly.errors import InputError
from rightly.inference import providers
from rightly.inference.book import Price
from rightly.inference.openai_api import OpenAIGenerator
from rightly.inference.providers import PROVIDERS, Provider
from rightly.inference.specs import generator_fingerprint, parse_spec, price_of
from tests.cli.test_identity import audit_pairs, cli  # noqa: F401 - a fixture
from tests.cli.test_money import served
from tests.fake_endpoint import FakeEndpoint


def keys(server):
    return {headers.get("Authorization") for headers in server.headers}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RIGHTLY_CACHE", str(tmp_path / "cache" / "answers.db"))


def test_three_hosts_in_one_audit_see_their_own_key_only(cli, tmp_path, monkeypatch):  # noqa: F811
    home, other, hosted = FakeEndpoint(), FakeEndpoint(), FakeEndpoint()
    with served(home), served(other), served(hosted):
        monkeypatch.setenv("OPENAI_BASE_URL", home.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "home-key")
        monkeypatch.setenv("OTHER_KEY", "other-key")
        monkeypatch.setenv("MISTRAL_API_KEY", "hosted-key")
        monkeypatch.setitem(PROVIDERS, "mistral", Provider(hosted.base_url, "MISTRAL_API_KEY"))
        judges = ["openai:one", f"openai:two?base_url={other.base_url}&key_env=OTHER_KEY", "mistral:three"]
        named = [part for judge in judges for part in ("--judge", judge)]
        code, found, said = cli(
            "audit",
            audit_pairs(tmp_path / "p.jsonl"),
            *named,
            "--matcher",
            "lexical",
            "--out",
            tmp_path / "a",
            "--json",
        )
    assert code == 0, said
    assert [judge["judge"] for judge in found["judges"]] == judges
    assert (keys(home), keys(other), keys(hosted)) == ({"Bearer home-key"}, {"Bearer other-key"}, {"Bearer hosted-key"})
    assert {body["model"] for body in hosted.bodies} == {"three"}


def test_the_usual_key_is_sent_to_no_other_host(cli, tmp_path, monkeypatch):  # noqa: F811
    other = FakeEndpoint()
    with served(other):
        monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example.com/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "home-key")
        pairs = audit_pairs(tmp_path / "p.jsonl")
        code, _, said = cli("judge", pairs, "--judge", f"openai:m?base_url={other.base_url}", "--out", tmp_path / "a")
    assert code == 0, said
    assert keys(other) == {None}


def test_a_public_host_without_its_own_key_is_refused_with_the_cure(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "home-key")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    said = r"no key for api\.example\.com: OPENAI_API_KEY is sent to api\.openai\.com only; add \?key_env"
    with pytest.raises(InputError, match=said):
        OpenAIGenerator("m", base_url="https://api.example.com/v1").endpoint.require_key()
    OpenAIGenerator("m", base_url="https://api.openai.com/v1").endpoint.require_key()
    monkeypatch.delenv("MISTRAL_API_KEY", raising=False)
    with pytest.raises(InputError, match="MISTRAL_API_KEY is not set"):
        OpenAIGenerator("m", **providers.PROVIDERS["mistral"]._asdict()).endpoint.require_key()


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_is_its_address_and_its_models_have_prices(name):
    given = f"openai:m?base_url={PROVIDERS[name].base_url}&key_env=ANY"
    assert generator_fingerprint(parse_spec(f"{name}:m")) == generator_fingerprint(parse_spec(given))
    prices = {"m": Price(2.0, 8.0)}
    assert price_of(f"{name}:m?temperature=0", prices) == prices["m"]
    assert price_of(f"{name}:m?batch=true", prices) == Price(1.0, 4.0)
    assert price_of(f"{name}:n", prices) is None
    assert PROVIDERS[name].base_url.startswith("https://")


def test_a_key_is_in_no_record(cli, tmp_path, monkeypatch):  # noqa: F811
    server = FakeEndpoint()
    with served(server):
        monkeypatch.setenv("OTHER_KEY", "secret-key")
        judge = f"openai:m?base_url={server.base_url}&key_env=OTHER_KEY"
        assert cli("judge", audit_pairs(tmp_path / "p.jsonl"), "--judge", judge, "--out", tmp_path / "run")[0] == 0
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert all(b"secret-key" not in content for content in written)
    assert json.loads((tmp_path / "run" / "settings.json").read_text())["judges"] == [judge]
