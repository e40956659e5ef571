"""Hosted endpoints that speak OpenAI's protocol: their address, and the environment variable of their key."""

from collections.abc import Mapping
from typing import NamedTuple


class Provider(NamedTuple):
    """A hosted endpoint.

    Attributes:
        base_url: Address of its OpenAI-compatible interface.
        key_env: Environment variable that holds its key; the key is sent to this address only.
    """

    base_url: str
    key_env: str


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
}
"""By the scheme of a spec: ``anthropic:MODEL``."""
