"""Registry session: HTTP as a registry is spoken to. oras has neither timeouts nor limits: they are set here.

A `requests` session whose connections have timeouts, whose plain-text requests go to listed hosts alone (whatever a
redirect, a token realm or an upload's location says), and which knows neither ~/.netrc nor cookies.
"""

import io
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.util import Retry

from catalog.jsonvalue import Json

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
TOKEN_MOST = 1024 * 1024
"""Bytes of a token service's answer."""


class PlainTextRefused(requests.RequestException):
    """A request over http to a host that is not listed as insecure."""


class _Adapter(HTTPAdapter):
    def __init__(self, plain: Collection[str]) -> None:
        super().__init__(max_retries=Retry(total=2, connect=2, read=False, status=0, other=0, backoff_factor=0.1))
        self._plain = plain

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        place = str(parts.netloc).rpartition("@")[2]
        if parts.scheme != "https" and place not in self._plain:
            raise PlainTextRefused(f"`{place}` would be spoken to in plain text")
        return super().send(request, stream, (CONNECT_SECONDS, READ_SECONDS), verify, cert, proxies)


def registry_session(host: str, plain: Collection[str]) -> requests.Session:
    """A session for one registry; hosts in `plain` may be asked over http."""
    session = requests.Session()
    _arm(session, plain)
    session.proxies.update(get_environ_proxies(f"https://{host}"))
    return session


class TokenSession(requests.Session):
    """For token services: what they answer is read whole, up to a limit, because oras reads it without one."""

    def __init__(self, host: str, plain: Collection[str]) -> None:
        super().__init__()
        _arm(self, plain)
        self.proxies.update(get_environ_proxies(f"https://{host}"))

    def send(self, request: requests.PreparedRequest, **options: Json) -> requests.Response:
        """As a Session's."""
        options["stream"] = True
        with super().send(request, **options) as found:
            body = found.raw.read(TOKEN_MOST + 1, decode_content=True)
        answer = requests.Response()
        answer.status_code = found.status_code if len(body) <= TOKEN_MOST else 502
        answer.headers = found.headers
        answer.raw = io.BytesIO(body[:TOKEN_MOST])
        answer.request, answer.url = request, found.url
        return answer


def _arm(session: requests.Session, plain: Collection[str]) -> None:
    session.trust_env = False
    session.max_redirects = 5
    session.headers["Accept-Encoding"] = "identity"
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(plain))
