"""What a CGI guest is told (RFC 3875, 4) and what it answers (6)."""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from runtime.wasm.guest.answering import Nonsense
from runtime.wasm.messages import HEADERS_MOST, GuestRequest, Header, encode_answer

_NOT_HANDED_ON = frozenset({b"content-length", b"content-type", b"proxy"})
"""`proxy` would be HTTP_PROXY, by which many programs choose their proxy (CVE-2016-5385)."""


def meta_variables(request: GuestRequest, environment: Mapping[str, str]) -> dict[str, str]:
    """The guest's environment for this request; the launch's own variables cannot hide CGI's."""
    path, _, query = request.path.partition(b"?")
    headers = dict(request.headers)
    host, _, port = headers.get(b"host", b"").rpartition(b":")
    if not port.isdigit():
        host, port = headers.get(b"host", b""), b"80"
    variables = {
        **environment,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "fabric",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": _text(host) or "localhost",
        "SERVER_PORT": _text(port),
        "REQUEST_METHOD": _text(request.method),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode(errors="replace").replace("\0", ""),
        "QUERY_STRING": _text(query),
        "REMOTE_ADDR": _text(headers.get(b"x-forwarded-for", b"127.0.0.1").rpartition(b",")[2].strip()),
    }
    if request.body:
        variables["CONTENT_LENGTH"] = str(len(request.body))
    if b"content-type" in headers:
        variables["CONTENT_TYPE"] = _text(headers[b"content-type"])
    for name, value in request.headers:
        if name not in _NOT_HANDED_ON:
            key = "HTTP_" + _text(name).upper().replace("-", "_")
            joint = "; " if name == b"cookie" else ", "
            variables[key] = f"{variables[key]}{joint}{_text(value)}" if key in variables else _text(value)
    return variables


def read_answer(output: bytes) -> bytes:
    """An answer as `messages` encodes it. Raises Nonsense."""
    head, body = _split(output)
    status, headers, location = 200, list[Header](), False
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name:
            raise Nonsense("a line of its head is no header")
        if name == b"status":
            status = _status(value)
        else:
            headers.append((name, value))
            location = location or name == b"location"
    if len(headers) > HEADERS_MOST:
        raise Nonsense(f"it has more than {HEADERS_MOST} headers")
    if location and status == 200:
        status = 302
    return encode_answer(status, headers, body)


def _split(output: bytes) -> tuple[bytes, bytes]:
    ends = [(output.find(mark), mark) for mark in (b"\r\n\r\n", b"\n\n")]
    found = [(at, mark) for at, mark in ends if at >= 0]
    if not found:
        raise Nonsense("it wrote no head that ends with an empty line")
    at, mark = min(found)
    return output[:at], output[at + len(mark) :]


def _status(value: bytes) -> int:
    digits = value[:3]
    if not digits.isdigit() or not 200 <= int(digits) <= 599 or value[3:4].strip():
        raise Nonsense("its status is none")
    return int(digits)


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").replace("\0", "")
