"""SIP messages: what is read is bounded and strict, whatever comes; what is written stays on its lines."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.drivers.voip.phone_ids import is_same, record_of, user_of
from runtime.drivers.voip.sip_message import (
    MAX_BODY,
    MAX_HEAD,
    MAX_HEADERS,
    NotSip,
    Request,
    Response,
    read_datagram,
    read_head,
)

REQUEST = Request(
    uri="sip:bob@pbx.lan",
    transport="UDP",
    local="10.0.0.9:40001",
    branch="z9hG4bKabc",
    call_id="1234",
    tag="t",
)
VIA = "SIP/2.0/UDP 10.0.0.9:40001;branch=z9hG4bKabc;rport=40001;received=10.0.0.9"


def _answer(headers: Mapping[str, str] = {}, body: bytes = b"") -> bytes:
    usual = {"Via": VIA, "Call-ID": "1234", "CSeq": "1 OPTIONS", "Content-Length": str(len(body))}
    lines = ["SIP/2.0 200 OK", *(f"{name}: {value}" for name, value in {**usual, **headers}.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def test_an_answer_is_read() -> None:
    response = read_datagram(_answer({"Server": "a  phone"}, b"v=0"))
    assert (response.status, response.reason, response.headers["server"]) == (200, "OK", "a  phone")
    assert response.body_length == 3
    assert response.answers(REQUEST)


def test_short_names_folded_lines_and_a_keep_alive_before_it_are_read() -> None:
    response = read_datagram(
        b"\r\nSIP/2.0 200 OK\r\nv: " + VIA.encode() + b"\r\ni:1234\r\nCSeq:\r\n 1\r\n\tOPTIONS\r\n\r\n"
    )
    assert response.answers(REQUEST)


@pytest.mark.parametrize(
    "headers",
    [
        {"Call-ID": "5678"},
        {"CSeq": "2 OPTIONS"},
        {"CSeq": "1 INVITE"},
        {"Via": VIA.replace("abc", "abcd")},
        {"Via": VIA.replace("abc", "ab")},
    ],
)
def test_the_answer_to_another_question_is_none(headers: dict[str, str]) -> None:
    assert not read_datagram(_answer(headers)).answers(REQUEST)


BROKEN = {
    "nothing": b"",
    "no end": b"SIP/2.0 200 OK\r\nCall-ID: 1\r\n",
    "a request": b"OPTIONS sip:a SIP/2.0\r\n\r\n",
    "another version": b"SIP/3.0 200 OK\r\n\r\n",
    "a status of four digits": b"SIP/2.0 2000 OK\r\n\r\n",
    "no colon": b"SIP/2.0 200 OK\r\nhello\r\n\r\n",
    "a bare line feed": b"SIP/2.0 200 OK\r\nA: b\nC: d\r\n\r\n",
    "a zero octet": b"SIP/2.0 200 OK\r\nA: b\x00c\r\n\r\n",
    "no UTF-8": b"SIP/2.0 200 OK\r\nA: \xff\r\n\r\n",
    "two lengths": _answer({"l": "0"}),
    "two call ids": _answer({"i": "1234"}),
    "a length that is a lie": _answer({"Content-Length": "10"}),
    "a negative length": _answer({"Content-Length": "-1"}),
    "a length that is no number": _answer({"Content-Length": "1_0"}),
    "a body without bounds": _answer({"Content-Length": str(MAX_BODY + 1)}),
    "a long head": b"SIP/2.0 200 OK\r\nA: " + b"b" * MAX_HEAD + b"\r\n\r\n",
    "many headers": b"SIP/2.0 200 OK\r\n" + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_sip_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(NotSip):
        read_datagram(data)


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"SIP/2.0 200 OK", b"Content-Length: 3", b"l: 9999999999", b"CSeq: 1 OPTIONS", b" folded", b""]
        ),
        st.binary(max_size=40),
    ),
    max_size=200,
)


WHOLE = LINES.map(lambda lines: b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"", b""]))


@given(st.one_of(st.binary(max_size=600), LINES.map(b"\r\n".join), WHOLE))
def test_whatever_comes_it_is_read_or_it_is_no_sip(data: bytes) -> None:
    for read in (read_datagram, read_head):
        try:
            response = read(data)
            assert isinstance(response, Response)
            assert 100 <= response.status < 700
            assert len(response.headers) <= MAX_HEADERS
            assert response.body_length is None or 0 <= response.body_length <= MAX_BODY
            response.answers(REQUEST)
        except NotSip:
            continue


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_written_stays_on_its_line(uri: str, value: str) -> None:
    request = Request(
        uri=uri, transport="UDP", local="h:1", branch="b", call_id="c", tag="t", headers={"Authorization": value}
    )
    try:
        written = request.written()
    except (ValueError, UnicodeEncodeError):
        return
    lines = written.split(b"\r\n")
    assert written.count(b"\n") == written.count(b"\r") == len(lines) - 1 == 13
    assert lines[0] == f"OPTIONS {uri} SIP/2.0".encode()


def test_a_telephone_id_is_read() -> None:
    assert record_of("sip:Bob:secret@PBX.lan:5060;transport=tcp?x=y") == "Bob@pbx.lan"
    assert record_of("sips:bob@[2001:DB8::1]:5061") == "bob@[2001:db8::1]"
    assert [user_of(each) for each in ("bob", "sip:bob@pbx.lan", "+49@pbx.lan")] == ["bob", "bob", "+49"]
    assert is_same("bob", "sip:bob@10.0.0.5")
    assert not is_same("bob", "sip:bobby@10.0.0.5")
    assert not is_same("bob@a.lan", "sip:bob@b.lan")
    assert is_same("bob@a.lan", "sip:bob@A.lan:5060")
