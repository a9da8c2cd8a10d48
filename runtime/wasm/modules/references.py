"""References: the names of modules, `[registry/][namespace/]name[:tag|@sha256:…]`, with or without `wasm://`."""

import re

import msgspec

from catalog.errors import Invalid

SCHEME = "wasm://"
DEFAULT_REGISTRY = "registry.fabricks.io"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
REFERENCE_MOST = 512

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_NAME = re.compile(_PART)
_HOST = re.compile(rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY_MOST = 255

FORM = "Write `[registry/][namespace/]name[:tag]` or `name@sha256:…`, for example `ferry-fares:1.0.0`."


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A module's name, taken apart. At most one of `tag` and `digest` is given; neither means `latest`."""

    name: str
    namespace: str = DEFAULT_NAMESPACE
    registry: str = DEFAULT_REGISTRY
    tag: str | None = None
    digest: str | None = None

    @property
    def repository(self) -> str:
        """What a registry calls it: `namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def target(self) -> str:
        """What a registry is asked for: the digest, or the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def canonical(self) -> str:
        """In full, with every default written out: equal for all spellings of one module."""
        return f"{self.registry}/{self.repository}{self._mark(self.target)}"

    @property
    def short(self) -> str:
        """As people write it: defaults left out where they read the same."""
        mark = self._mark(self.digest or self.tag) if self.digest or self.tag else ""
        if self.registry != DEFAULT_REGISTRY or _is_host(self.namespace.split("/")[0]):
            return f"{self.registry}/{self.repository}{mark}"
        return f"{self.name if self.namespace == DEFAULT_NAMESPACE else self.repository}{mark}"

    @property
    def stored(self) -> str:
        """The name it has in a store: `short`, with the tag written out."""
        return self.short if self.digest or self.tag else f"{self.short}:{DEFAULT_TAG}"

    def _mark(self, target: str | None) -> str:
        return f"@{target}" if self.digest else f":{target}"


def parse_reference(text: str) -> Reference:
    """Take a reference apart. Raises Invalid INVALID_REQUEST naming the part that is wrong."""
    if not text.isascii() or not text.isprintable():
        raise _refused("The reference has characters beyond printable ASCII")
    shown = f"`{text[:80]}`"
    if len(text) > REFERENCE_MOST:
        raise _refused(f"{shown} has over {REFERENCE_MOST} characters")
    rest = text.removeprefix(SCHEME)
    rest, at, digest = rest.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _refused(f"{shown} has a digest that is not `sha256:` and 64 hexadecimal digits in lower case")
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and at:
        raise _refused(f"{shown} has a tag and a digest; give one")
    if colon and not _TAG.fullmatch(tag):
        raise _refused(f"{shown} has the tag `{tag[:40]}`, which is not up to 128 of letters, digits and `_.-`")
    parts = [*(head.split("/") if slash else ()), last]
    registry = parts.pop(0) if len(parts) > 1 and _is_host(parts[0]) else DEFAULT_REGISTRY
    check_registry(registry, shown)
    for part in parts:
        if not _NAME.fullmatch(part):
            raise _refused(f"{shown} has the part `{part[:40]}`, which is not a-z, 0-9 and single `.` `_` `-` inside")
    namespace = "/".join(parts[:-1]) or DEFAULT_NAMESPACE
    if len(namespace) + 1 + len(last) > _REPOSITORY_MOST:
        raise _refused(f"{shown} names a repository of over {_REPOSITORY_MOST} characters")
    return Reference(
        name=last, namespace=namespace, registry=registry, tag=tag if colon else None, digest=digest if at else None
    )


def is_digest(text: str) -> bool:
    """Is it `sha256:` and 64 hexadecimal digits?"""
    return _DIGEST.fullmatch(text) is not None


def version_tag(version: str) -> str:
    """A semantic version as a tag: tags have no `+`."""
    return version.replace("+", "_")


def _is_host(part: str) -> bool:
    return part == "localhost" or "." in part or ":" in part or part != part.lower()


def check_registry(registry: str, shown: str) -> None:
    """Raise Invalid INVALID_REQUEST if it is not `host` or `host:port`; `shown` says where it stands."""
    match = _HOST.fullmatch(registry)
    if match is None:
        raise _refused(f"{shown} has the registry `{registry[:60]}`, which is not `host` or `host:port`")
    port = match["port"]
    if port is not None and not 1 <= int(port) <= 65535:
        raise _refused(f"{shown} has the port {port}; ports are 1 to 65535")


def _refused(problem: str) -> Invalid:
    return Invalid("INVALID_REQUEST", f"{problem}.", hint=FORM)
