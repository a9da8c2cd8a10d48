"""What an ONVIF device is asked and how its answers are read."""

from xml.etree import ElementTree

import pytest

from runtime.drivers.cameras.soap.envelope import NAMES, Fault, read_answer, request
from runtime.drivers.cameras.soap.onvif_device import profiles_of, time_of, uri_of, where_is_its_stream
from runtime.drivers.cameras.soap.token import username_token


def answer(body: str) -> ElementTree.Element:
    found = read_answer(request(body))
    assert not isinstance(found, Fault)
    return found


def test_the_token_is_the_one_of_the_onvif_programmers_guide() -> None:
    # Its example: nonce LKqI6G/AikKCQrN0zqZFlg==, 2010-09-16T07:50:45Z, `userpassword`.
    nonce = bytes.fromhex("2caa88e86fc08a428242b374cea64596")
    token = username_token("user", "userpassword", nonce=nonce, moment=1284623445)
    assert ">LKqI6G/AikKCQrN0zqZFlg==<" in token
    assert ">2010-09-16T07:50:45Z<" in token
    assert ">tuOSpGlFlIXsozq4HFNeeGeFLEI=<" in token


def test_names_and_tokens_cannot_break_out_of_the_request() -> None:
    (profile,) = profiles_of(
        answer(
            '<trt:GetProfilesResponse><trt:Profiles token="a&lt;/b&gt;&amp;"><tt:VideoSourceConfiguration>'
            "<tt:SourceToken>v</tt:SourceToken></tt:VideoSourceConfiguration></trt:Profiles></trt:GetProfilesResponse>"
        )
    )
    assert (profile.token, profile.width) == ("a</b>&", 0)
    token = username_token("a</b>", "p", nonce=b"n", moment=0)
    asked = ElementTree.fromstring(request(where_is_its_stream(profile), token))
    assert asked.findtext(".//trt:ProfileToken", namespaces=NAMES) == "a</b>&"


@pytest.mark.parametrize(
    ("fields", "found"),
    [((2026, 11, 22, 1, 2, 3), 1795309323.0), ((2026, 13, 1, 0, 0, 0), None), ((1969, 1, 1, 0, 0, 0), None)],
)
def test_a_clock_is_read(fields: tuple[int, ...], found: float | None) -> None:
    year, month, day, hour, minute, second = fields
    date = f"<tt:Date><tt:Year>{year}</tt:Year><tt:Month>{month}</tt:Month><tt:Day>{day}</tt:Day></tt:Date>"
    moment = f"<tt:Hour>{hour}</tt:Hour><tt:Minute>{minute}</tt:Minute><tt:Second>{second}</tt:Second>"
    utc = f"<tt:UTCDateTime><tt:Time>{moment}</tt:Time>{date}</tt:UTCDateTime>"
    whole = f"<tds:R><tds:SystemDateAndTime>{utc}</tds:SystemDateAndTime></tds:R>"
    assert time_of(answer(whole)) == found
    assert time_of(answer("<tds:R/>")) is None
    assert uri_of(answer("<trt:R/>")) == ""
