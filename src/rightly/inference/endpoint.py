"""An OpenAI-compatible endpoint: its address, its key, one session of connections, and what its refusals mean."""

import ipaddress
import os
import urllib.request
from urllib.parse import SplitResult, urlsplit

import aiohttp

from rightly.errors import EndpointError, InputError
from rightly.inference.chat_completion import message_of
from rightly.store.fingerprint import fingerprint

DEFAULT_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 30.0
OVERLOAD = {429, 503, 529}
PASSING = {408, 409, 425}
_FATAL = {
    401: "the key is refused",
    402: "the account has no credit",
    403: "the key may not use this model",
    404: "no such model or path",
}
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")


class Endpoint:
    """The place where a model is served.

    Args:
        model: Name of the model at the endpoint.
        base_url: Base URL of the endpoint. Default: ``OPENAI_BASE_URL``, else the public API.
        api_key: Key of the endpoint; local servers need none. Default: the one in ``key_env``.
        key_env: Environment variable that holds the key. Default: ``OPENAI_API_KEY``, which is sent to the address in
            ``OPENAI_BASE_URL`` (else the public API) and to no other host.
        timeout_s: Seconds for one attempt, from sending to the last byte.

    Attributes:
        base: Base URL, without a slash at its end.
        name: Name for display, without a password that the URL may hold.
        host: Name of the host.
        proxy: Proxy that the environment sets for the host.

    Raises:
        InputError: ``base_url`` is not a valid address.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        key_env: str | None = None,
        timeout_s: float = 300.0,
    ) -> None:
        self.base = _base(base_url)
        parts = _address(self.base)
        key = api_key if api_key is not None else _key(parts, key_env)
        self.name, self.model, self.host = _endpoint(model, parts), model, parts.hostname or ""
        self.proxy, self._key_env = _proxy(parts), key_env
        self.timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, CONNECT_TIMEOUT_S))
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._keyless = not key and not parts.username
        self._session: aiohttp.ClientSession | None = None

    def require_key(self) -> None:
        """Check that a key is set if the endpoint needs one, without contacting it.

        Raises:
            InputError: No key is set and the host is public.
        """
        if self._keyless and _is_public(self.host):
            if self._key_env is not None:
                fix = f"export {self._key_env}=... (any text if this endpoint needs none)"
                raise InputError(f"{self._key_env} is not set, and {self.host} needs a key", fix=fix)
            if os.environ.get("OPENAI_API_KEY"):
                raise InputError(
                    f"there is no key for {self.host}: OPENAI_API_KEY is sent to {_home().hostname} only",
                    fix="add ?key_env=NAME, the environment variable that holds the key of this host",
                )
            fix = "export OPENAI_API_KEY=... (any text if this endpoint needs none), or point OPENAI_BASE_URL at a local server"
            raise InputError(f"OPENAI_API_KEY is not set, and {self.host} needs a key", fix=fix)

    def session(self) -> aiohttp.ClientSession:
        """The session, opened on first use."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=self.timeout,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def fatal(self, status: int, raw: bytes, url: str) -> EndpointError | None:
        """The error that ends the run, if this refusal would meet every call."""
        whole = raw[:10_000].decode("utf-8", "replace").lower()
        no_credit = any(word in whole for word in _NO_CREDIT)
        if status not in _FATAL and not no_credit:
            return None
        why = _FATAL[402] if no_credit else _FATAL[status]
        return EndpointError(f"{url} refuses {self.model!r}: HTTP {status}, {why} ({message_of(raw)})")

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def endpoint_fingerprint(model: str, base_url: str | None = None, **fields: object) -> str:
    """Identity of a served model: its name, its endpoint, and the fields sent with every call.

    The weights behind the name cannot be seen from outside.

    Args:
        model: Name of the model at the endpoint.
        base_url: Base URL of the endpoint, as for `OpenAIGenerator`.
        fields: Its ``reasoning_effort``, ``chat_template_kwargs`` and ``extra_body``; empty ones do not count.

    Raises:
        InputError: ``base_url`` is not a valid address.
    """
    used = {name: value for name, value in fields.items() if value}
    return fingerprint("endpoint", model=_endpoint(model, _address(_base(base_url))), **used)


def _base(base_url: str | None) -> str:
    return (base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")


def _home() -> SplitResult:
    """The address that ``OPENAI_API_KEY`` belongs to."""
    return _address(_base(None))


def _key(parts: SplitResult, key_env: str | None) -> str:
    """The key of an address: that of ``key_env``, else ``OPENAI_API_KEY`` at its own address; it goes to no other host."""
    if key_env is not None:
        return os.environ.get(key_env, "")
    home = _home()
    own = (parts.scheme, parts.hostname, parts.port) == (home.scheme, home.hostname, home.port)
    return os.environ.get("OPENAI_API_KEY", "") if own else ""


def _endpoint(model: str, parts: SplitResult) -> str:
    return f"openai:{model}@{parts.netloc.rpartition('@')[2]}{parts.path}"


def _address(base: str) -> SplitResult:
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"base_url {base!r} is not a valid address", fix="write http://HOST:PORT/v1")
    return parts


def _is_public(host: str) -> bool:
    """Whether a host is public, by its name or address; hosts in a local network rarely need a key."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.rstrip(".") and not host.rstrip(".").endswith(_LOCAL_NAMES)


def _proxy(parts: SplitResult) -> str | None:
    """The proxy that the environment sets for this host; looked up once, because the lookup is slow."""
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def short(error: Exception) -> str:
    """A failed connection in a few words."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error)
    return "server disconnected" if isinstance(error, aiohttp.ServerDisconnectedError) else type(error).__name__
