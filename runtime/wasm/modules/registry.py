"""Registry: one OCI registry, spoken to through oras. Every method blocks on the network: call it in a thread.

oras brings the URLs, the token exchange and the retry after a 401. Where it would do harm we stand on its lower level:
it retries every failure for minutes (`do_request` is taken without that), re-encodes manifests (their digest would
change), reads a whole layer into memory to send it, and does not check what it downloads.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import MethodType
from typing import Protocol, cast
from urllib.parse import quote, urljoin

import requests
from oras.container import Container  # type: ignore[import-untyped]
from oras.logger import logger as oras_logger  # type: ignore[import-untyped]
from oras.provider import Registry as OrasRegistry  # type: ignore[import-untyped]

from catalog.errors import FabricError, Forbidden, NotFound, TargetFailed, TargetTimeout, Unavailable
from runtime.wasm.modules.manifest import MANIFEST_MOST, Descriptor, digest_of
from runtime.wasm.modules.media_types import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST
from runtime.wasm.modules.references import Reference
from runtime.wasm.modules.registry_session import PlainTextRefused, TokenSession, registry_session
from runtime.wasm.modules.registry_settings import Credentials

CHUNK = 4 * 1024 * 1024
"""Bytes of a layer that are sent with one request."""
BLOB_SECONDS = 1800.0
"""How long one blob may take."""
_PIECE = 64 * 1024
_ACCEPTED = ", ".join((MANIFEST, DOCKER_MANIFEST, INDEX, DOCKER_LIST))

Moved = Callable[[int], None]
"""Told how many bytes have been moved so far."""


class _Ask(Protocol):
    def __call__(
        self, url: str, method: str, data: bytes | None = ..., headers: dict[str, str] | None = ..., stream: bool = ...
    ) -> requests.Response: ...


class Registry:
    """One registry and whom it is spoken to as. It is not asked before the first method call.

    `plain` are the hosts that may be spoken to over http: this one, perhaps, and its token service.
    """

    def __init__(self, host: str, *, credentials: Credentials | None = None, plain: Collection[str] = ()) -> None:
        self.host = host
        self._plain = frozenset(plain)
        self._insecure = host in self._plain
        self._credentials = credentials
        self._oras: OrasRegistry | None = None

    def manifest(self, reference: Reference) -> tuple[bytes, str]:
        """A manifest's bytes and their digest. Raises NotFound MODULE_NOT_FOUND, TargetFailed REGISTRY_ANSWER, …"""
        name = reference.canonical
        with (
            self._told(name),
            self._ask(
                self._url(self._place(reference).manifest_url(reference.target)),
                "GET",
                headers={"Accept": _ACCEPTED},
                stream=True,
            ) as answer,
        ):
            self._expect(answer, name, 200)
            content = answer.raw.read(MANIFEST_MOST + 1)
        if len(content) > MANIFEST_MOST:
            raise self._bad(name, f"a manifest of over {MANIFEST_MOST} bytes")
        digest = digest_of(content)
        said = answer.headers.get("Docker-Content-Digest", digest)
        if digest not in (said, reference.digest) or (reference.digest or digest) != digest:
            raise self._bad(name, f"a manifest with the digest `{digest}`, not `{reference.digest or said}`")
        return content, digest

    def blob(self, reference: Reference, blob: Descriptor, moved: Moved) -> Iterator[bytes]:
        """A blob's content, piece by piece; nothing of it is checked here."""
        until, done = time.monotonic() + BLOB_SECONDS, 0
        with (
            self._told(blob.digest),
            self._ask(self._url(self._place(reference).get_blob_url(blob.digest)), "GET", stream=True) as answer,
        ):
            self._expect(answer, blob.digest, 200)
            while piece := answer.raw.read1(_PIECE):
                done += len(piece)
                moved(done)
                yield piece
                if time.monotonic() > until:
                    raise TargetTimeout("REGISTRY_TIMEOUT", f"`{blob.digest}` has not come after {BLOB_SECONDS:g} s.")

    def has_blob(self, reference: Reference, digest: str) -> bool:
        """Is the blob there already?"""
        with self._told(digest):
            answer = self._ask(self._url(self._place(reference).get_blob_url(digest)), "HEAD")
            if answer.status_code == 404:
                return False
            self._expect(answer, digest, 200)
            return True

    def upload(self, reference: Reference, blob: Descriptor, path: Path, moved: Moved) -> None:
        """Send a blob in pieces, so that neither side holds all of it. Raises TargetFailed REGISTRY_ANSWER, …"""
        until = time.monotonic() + BLOB_SECONDS
        with self._told(blob.digest), path.open("rb") as file:
            answer = self._ask(
                self._url(self._place(reference).upload_blob_url()), "POST", headers={"Content-Length": "0"}
            )
            self._expect(answer, blob.digest, 202)
            chunk, start = max(CHUNK, _number(answer, "OCI-Chunk-Min-Length")), 0
            while start + chunk < blob.size:
                piece = file.read(chunk)
                answer = self._ask(self._location(answer), "PATCH", data=piece, headers=_range(start, piece))
                self._expect(answer, blob.digest, 202)
                start += len(piece)
                moved(start)
                if time.monotonic() > until:
                    raise TargetTimeout("REGISTRY_TIMEOUT", f"`{blob.digest}` is not sent after {BLOB_SECONDS:g} s.")
            rest = file.read()
            place = self._location(answer)
            url = f"{place}{'&' if '?' in place else '?'}digest={quote(blob.digest)}"
            # Some registries take a range with the first request as one of several.
            headers = _range(start, rest) if start else {"Content-Type": "application/octet-stream"}
            self._expect(self._ask(url, "PUT", data=rest, headers=headers), blob.digest, 201)
            moved(blob.size)

    def put_manifest(self, reference: Reference, content: bytes, media_type: str) -> None:
        """Send a manifest as it is, byte for byte. Raises TargetFailed REGISTRY_ANSWER, …"""
        name = reference.canonical
        with self._told(name):
            url = self._url(self._place(reference).manifest_url(reference.target))
            answer = self._ask(url, "PUT", data=content, headers={"Content-Type": media_type})
            self._expect(answer, name, 201)
        said = answer.headers.get("Docker-Content-Digest")
        if said is not None and said != digest_of(content):
            raise self._bad(name, f"that it stored another digest, `{said}`")

    def _place(self, reference: Reference) -> Container:
        place = Container(reference.name)
        place.registry, place.namespace = self.host, reference.namespace
        return place

    def _url(self, path: str) -> str:
        return f"{'http' if self._insecure else 'https'}://{path}"

    def _location(self, answer: requests.Response) -> str:
        return urljoin(answer.url, answer.headers.get("Location", ""))

    @property
    def _ask(self) -> _Ask:
        if self._oras is None:
            self._oras = self._connected()
        return cast(_Ask, self._oras.do_request)

    def _connected(self) -> OrasRegistry:
        """Ask the registry once how it wants to be logged in to: oras must be told before."""
        session = registry_session(self.host, self._plain)
        with session.get(f"{self._url(self.host)}/v2/", stream=True, verify=_authorities()) as answer:
            challenge = answer.headers.get("Www-Authenticate", "") if answer.status_code == 401 else ""
        basic = challenge.lower().startswith("basic")
        if basic and self._credentials is None:
            raise self._denied(self.host)
        made = OrasRegistry(
            self.host,
            insecure=self._insecure,
            tls_verify=_authorities(),
            auth_backend="basic" if basic else "token",
        )
        made.session = session
        made.auth.session = TokenSession(self.host, self._plain)
        if self._credentials is not None:
            made.auth.set_basic_auth(self._credentials.username, self._credentials.password)
        made.do_request = MethodType(_with_login if basic else _with_token, made)
        return made

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Translate what `requests`, urllib3 and oras raise."""
        try:
            yield
        except FabricError:
            raise
        except PlainTextRefused as error:
            raise Unavailable(
                "REGISTRY_INSECURE", f"The registry `{self.host}` is not spoken to: {error}.", hint=_INSECURE_HINT
            ) from None
        except requests.exceptions.SSLError as error:
            raise Unavailable(
                "REGISTRY_INSECURE",
                f"The registry `{self.host}` has no TLS that is trusted: {_root(error)}.",
                hint=_INSECURE_HINT,
            ) from None
        except requests.ConnectionError as error:
            raise Unavailable(
                "REGISTRY_UNREACHABLE",
                f"The registry `{self.host}` cannot be reached: {_root(error)}.",
                hint="Check its name and port; a registry without TLS needs `--insecure`.",
            ) from None
        except requests.Timeout:
            raise TargetTimeout("REGISTRY_TIMEOUT", f"The registry `{self.host}` does not answer in time.") from None
        except (requests.RequestException, OSError) as error:
            raise self._bad(name, _root(error)) from None
        except ValueError:
            # What oras raises when a 401 cannot be met.
            raise self._denied(name) from None

    def _expect(self, answer: requests.Response, name: str, status: int) -> None:
        if answer.status_code == status:
            return
        answer.close()
        if answer.status_code in (401, 403):
            raise self._denied(name)
        if answer.status_code == 404:
            raise NotFound(
                "MODULE_NOT_FOUND", f"The registry `{self.host}` has no `{name}`.", hint="Check its name and tag."
            )
        raise self._bad(name, f"status {answer.status_code}")

    def _denied(self, name: str) -> Forbidden:
        return Forbidden(
            "REGISTRY_DENIED",
            f"The registry `{self.host}` does not let us have `{name}`.",
            hint="Put its login into ~/.fabricks/credentials.json, or set FABRICKS_REGISTRY_USER and _PASSWORD.",
        )

    def _bad(self, name: str, what: str) -> TargetFailed:
        return TargetFailed("REGISTRY_ANSWER", f"The registry `{self.host}` answers `{name}` with {what}.")


_INSECURE_HINT = "Give `--insecure`, or list it under `insecure` in ~/.fabricks/config.toml."
oras_logger.set_level(logging.CRITICAL + 1)  # it would write to stderr what is raised here
# functools.wraps leaves the function that oras decorates with its retries.
_once = OrasRegistry.do_request.__wrapped__


def _with_token(self: OrasRegistry, url: str, method: str = "GET", **options: object) -> requests.Response:
    answer = cast(requests.Response, _once(self, url, method, **options))
    if answer.status_code == 401 and self.auth.token is not None:
        # oras keeps a token that is too old, or for reading only; without one it asks for what this request needs.
        answer.close()
        self.auth.token = None
        answer = cast(requests.Response, _once(self, url, method, **options))
    return answer


def _with_login(self: OrasRegistry, url: str, method: str = "GET", **options: object) -> requests.Response:
    # oras sends everything twice with basic logins: first without.
    headers = {**(cast(dict[str, str], options.pop("headers", None)) or {}), **self.auth.get_auth_header()}
    return cast(requests.Response, _once(self, url, method, headers=headers, **options))


def _authorities() -> bool | str:
    return os.environ.get("SSL_CERT_FILE") or True


def _range(start: int, piece: bytes) -> dict[str, str]:
    return {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{start + len(piece) - 1}"}


def _number(answer: requests.Response, name: str) -> int:
    text = answer.headers.get(name, "")
    return min(int(text), 64 * CHUNK) if text.isdecimal() else 0


def _root(error: BaseException) -> str:
    """The system's own reason: requests wraps urllib3, which wraps the socket's."""
    found: BaseException | None = error
    said = str(error)
    for _ in range(8):
        if found is None:
            break
        if isinstance(found, OSError) and found.strerror:
            said = found.strerror
        inner = getattr(found, "reason", None) or next(
            (each for each in found.args if isinstance(each, Exception)), None
        )
        found = inner if isinstance(inner, BaseException) else found.__cause__ or found.__context__
    return said
