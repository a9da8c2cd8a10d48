"""What an S3 server answers: listings, errors, and the facts of one blob. Pure, and trusts nothing in it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree

import msgspec

from catalog.jsonvalue import Json
from runtime.clock import rfc3339
from runtime.drivers.storage.face import Blob

_CODE = re.compile(r"[A-Za-z0-9]{1,64}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)

DIGEST_HEADER = "x-amz-meta-sha256"
CHANGE_HEADER = "x-amz-meta-fabric-change"


class Unreadable(ValueError):
    """The answer is not what an S3 server says."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a bucket's keys. `more`: there are others behind `last`."""

    blobs: tuple[Blob, ...]
    last: str
    more: bool


def read_page(body: bytes, prefix: str) -> Page:
    """A listing; paths are keys without the controller's own `prefix`. Raises Unreadable."""
    root = _parsed(body)
    if _name(root) != "ListBucketResult":
        raise Unreadable("it is no listing")
    packed = _text(root, "EncodingType") == "url"
    blobs, last = [], ""
    for entry in (each for each in root if _name(each) == "Contents"):
        key = _text(entry, "Key")
        last = unquote(key, errors="strict") if packed else key
        if not last.startswith(prefix):
            raise Unreadable("it lists what was not asked for")
        path = last.removeprefix(prefix)
        if path and not path.endswith("/"):
            blobs.append(
                Blob(path=path, size=_count(_text(entry, "Size")), changed=_moment(_text(entry, "LastModified")))
            )
    return Page(blobs=tuple(blobs), last=last, more=_text(root, "IsTruncated") == "true" and bool(last))


def error_code(body: bytes) -> str:
    """The server's own word for what is wrong, such as `NoSuchBucket`; empty where it says none."""
    try:
        root = _parsed(body)
    except Unreadable:
        return ""
    code = _text(root, "Code") if _name(root) == "Error" else ""
    return code if _CODE.match(code) else ""


def file_facts(headers: Mapping[str, str]) -> Json:
    """What tells one state of a blob from another: its size, its ETag and, if it was stored with one, its SHA-256."""
    ranged = headers.get("content-range")
    size = headers.get("content-length", "") if ranged is None else ranged.rpartition("/")[2]
    facts: dict[str, Json] = {"kind": "file", "size": _count(size)}
    digest, etag = headers.get(DIGEST_HEADER, ""), headers.get("etag", "").strip('"')
    if _DIGEST.match(digest):
        facts["sha256"] = digest
    if etag.isascii() and etag.isprintable():
        facts["etag"] = etag[:128]
    return facts


def _parsed(body: bytes) -> ElementTree.Element:
    if _DOCTYPE.search(body):
        raise Unreadable("it declares entities")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - bounded by the way out, and without declarations
    except ElementTree.ParseError as error:
        raise Unreadable(f"it is no XML ({error})") from None


def _name(element: ElementTree.Element) -> str:
    """Without the namespace, which some servers leave out."""
    return element.tag.rpartition("}")[2]


def _text(element: ElementTree.Element, name: str) -> str:
    return next((each.text or "" for each in element if _name(each) == name), "")


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise Unreadable("it tells no size")
    return int(text)


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable("it tells no time of change") from None
    aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return rfc3339(int(aware.timestamp()) * 1_000_000_000)
