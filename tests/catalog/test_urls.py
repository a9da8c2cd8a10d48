"""URLs as text: what the corpus of outgoing requests does not name."""

import pytest

from catalog.urls import Refused, parse_url


@pytest.mark.parametrize("url", ["http://::1]/", "http://example.com]/", "http://a[b]:80/", "http://]/", "http://::1/"])
def test_a_bracket_in_the_wrong_place_is_an_invalid_host_and_not_a_missing_one(url: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_url(url)
    assert refused.value.code == "URL_HOST_INVALID"
