"""Basic and Digest: which challenge is answered, and with what (RFC 7616's own examples)."""

import pytest

from runtime.drivers.challenge import Challenge, answer, read_challenge

_RFC = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_standard_come_out_as_there(algorithm: str, response: str) -> None:
    challenge = read_challenge(_RFC.format(algorithm))
    assert challenge is not None
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    facts = {"method": "GET", "uri": "/dir/index.html", "cnonce": cnonce}
    header = answer(challenge, "Mufasa", "Circle of Life", count=1, **facts)
    assert f'response="{response}"' in header
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in header
    assert "qop=auth, nc=00000001" in header


def test_the_strongest_of_several_is_answered() -> None:
    md5, sha = 'Digest realm="a", nonce="n", algorithm=MD5', 'Digest realm="a", nonce="m", algorithm=SHA-256'
    assert read_challenge(f'Basic realm="a", {md5}, {sha}') == Challenge(realm="a", nonce="m", algorithm="SHA-256")
    assert read_challenge(f'{md5}, Basic realm="a"') == Challenge(realm="a", nonce="n", algorithm="MD5")
    assert read_challenge('Basic realm="a"') == Challenge()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Digest",
        'Digest realm="a"',
        'Digest realm="a", nonce="n", algorithm=SHA-512-256',
        'Digest realm="a", nonce="n", qop="auth-int"',
        'Digest realm="a\x01", nonce="n"',
        'Digest realm="a\\"b", nonce="n"',
        '"' * 5000,
    ],
)
def test_what_cannot_be_answered_is_not(header: str) -> None:
    assert read_challenge(header) is None


def test_a_name_that_would_break_out_of_the_header_does_not() -> None:
    challenge = Challenge(realm="a", nonce="n")
    header = answer(challenge, 'me", realm="x\r\n', "p", method="GET", uri="/", count=1, cnonce="c")
    assert "\r" not in header
    assert 'username="me, realm=x"' in header
