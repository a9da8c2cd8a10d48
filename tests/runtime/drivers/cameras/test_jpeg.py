"""JPEGs are known by their markers, whatever bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runtime.drivers.cameras.jpeg import measure
from tests.modules.peers.pictures import still


def test_a_pictures_size_is_read() -> None:
    assert (measure(still()).width, measure(still()).height) == (320, 240)
    assert measure(still() + b"\r\n").width == 320


@given(some.binary(max_size=200))
def test_any_bytes_are_a_picture_or_are_told_not_to_be(tail: bytes) -> None:
    with pytest.raises(ValueError, match=r"JPEG|picture"):
        measure(b"\xff\xd8\xff\xd9" + tail)
    for content in (tail, b"\xff\xd8\xff" + tail + b"\xff\xd9"):
        try:
            found = measure(content)
        except ValueError:
            continue
        assert 0 < found.width <= 16384
