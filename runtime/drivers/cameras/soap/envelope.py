"""Envelope: a request as it is sent, and an answer as it is read, however it was meant."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
NAMES = {"s": ENVELOPE, "tds": DEVICE, "trt": MEDIA, "tt": SCHEMA}

MAX_BYTES = 1024 * 1024
MAX_TAGS = 40_000
"""A recorder with sixty cameras needs half of that."""

_REFUSED = ("<!DOCTYPE", "<!ENTITY")


class Fault(msgspec.Struct, frozen=True):
    """The device will not. `codes` are its fault codes without prefixes, such as `Sender` and `NotAuthorized`."""

    codes: tuple[str, ...]

    @property
    def unauthorized(self) -> bool:
        """Does it not know who asks?"""
        return "NotAuthorized" in self.codes or "FailedAuthentication" in self.codes

    @property
    def unable(self) -> bool:
        """Is there no such thing on this device?"""
        return any(each.startswith(("ActionNotSupported", "OptionalActionNotImplemented")) for each in self.codes)


def request(body: str, token: str = "") -> bytes:
    """A request: `body` is XML with the prefixes of NAMES, `token` goes into its header."""
    names = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())
    head = f"<s:Header>{token}</s:Header>" if token else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {names}>{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()
    )


def read_answer(content: bytes) -> Element | Fault:
    """What stands in the body. Raises ValueError for what is no SOAP answer."""
    body = _read(content).find("s:Body", NAMES)
    found = next(iter(body), None) if body is not None else None
    if found is None:
        raise ValueError("its answer is no SOAP")
    if found.tag == f"{{{ENVELOPE}}}Fault":
        codes = (each.text or "" for each in found.iter(f"{{{ENVELOPE}}}Value"))
        return Fault(tuple(each.strip().rpartition(":")[2] for each in codes))
    return found


def text_of(element: Element, path: str) -> str:
    """The text of what stands there, without the white space around it; empty where nothing does."""
    found = element.find(path, NAMES)
    return (found.text or "").strip() if found is not None else ""


def _read(content: bytes) -> Element:
    """Parse without a document type: no entities, nothing from elsewhere. Other encodings than UTF-8 are not read."""
    if len(content) > MAX_BYTES:
        raise ValueError("its answer is too long")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("its answer is no UTF-8") from None
    if text.count("<") > MAX_TAGS:
        raise ValueError("its answer is too long")
    if any(each in text for each in _REFUSED):
        raise ValueError("its answer declares a document type, which no SOAP answer may")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - there is neither a document type nor an entity in it
    except ElementTree.ParseError:
        raise ValueError("its answer is no XML") from None
