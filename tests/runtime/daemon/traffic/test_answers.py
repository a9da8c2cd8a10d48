"""Guests' answers on the wire: nothing that a guest writes can end a head early or begin another answer."""

import http.client
import io
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import TargetFailed
from runtime.daemon.traffic.answers import Answers
from runtime.wasm.messages import decode_answer, encode_answer

DATE = b"date: Sun, 01 Jan 2026 00:00:00 GMT\r\n"


def _rendered(status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, head_only: bool = False) -> bytes:
    return Answers().render(encode_answer(status, headers, body), DATE, keep=True, head_only=head_only)


def test_an_answer_has_its_framing_from_the_daemon_alone() -> None:
    headers = [
        (b"Content-Type", b"text/plain"), (b"content-length", b"999"), (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"),
    ]  # fmt: skip
    assert _rendered(201, headers, b"hello") == (
        b"HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
        + DATE
        + b"content-length: 5\r\n\r\nhello"
    )
    assert _rendered(204, [], b"not shown").endswith(DATE + b"\r\n")
    assert _rendered(200, [(b"date", b"mine")], b"").count(b"date: ") == 1
    assert _rendered(200, [(b"content-length", b"7")], b"", head_only=True).endswith(b"content-length: 7\r\n\r\n")
    assert _rendered(299, [], b"").startswith(b"HTTP/1.1 299\r\n")


@pytest.mark.parametrize(
    "header",
    [(b"a\r\nb", b"1"), (b"a", b"1\r\nset-cookie: x=1"), (b"a", b"1\n"), (b"", b"1"), (b"a b", b"1"), (b"a", b"\x00")],
)
def test_a_header_that_would_end_the_head_is_refused(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(TargetFailed) as raised:
        _rendered(200, [header], b"")
    assert raised.value.code == "GUEST_BAD_ANSWER"


@given(st.binary(max_size=200))
def test_whatever_a_guest_writes_is_an_answer_or_refused(written: bytes) -> None:
    for answer in (written, b"\x01\xc8\x00" + written, b"\x01\xc8\x00\x01\x00" + written):
        try:
            rendered = Answers().render(answer, DATE, keep=False)
        except TargetFailed as error:
            assert error.code == "GUEST_BAD_ANSWER"
        else:
            assert decode_answer(answer).status == int(rendered[9:12])


_names = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True)
_values = st.from_regex(rb"[!-~][ -~]{0,20}", fullmatch=True).map(bytes.strip)


@given(
    st.sampled_from([200, 201, 302, 404, 503]), st.lists(st.tuples(_names, _values), max_size=8), st.binary(max_size=99)
)
def test_a_client_reads_what_the_guest_wrote(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    ours = {b"content-length", b"connection", b"transfer-encoding", b"keep-alive", b"te", b"trailer", b"upgrade"}
    headers = [each for each in headers if each[0].lower() not in ours]
    answers = Answers()
    for _ in range(2):  # the second time it is remembered
        wire = answers.render(encode_answer(status, headers, body), DATE, keep=False)
        read = http.client.HTTPResponse(_Wire(wire))
        read.begin()
        assert (read.status, read.read()) == (status, body)
        got = [(name.lower(), value) for name, value in read.getheaders()]
        for name, value in headers:
            assert (name.decode().lower(), value.decode()) in got


class _Wire(socket.socket):
    """Bytes for http.client to read."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object, **__: object) -> io.BytesIO:  # type: ignore[override]  # all that http.client asks for
        """The bytes as a file."""
        return io.BytesIO(self._data)

    def close(self) -> None:
        """Nothing to close."""
