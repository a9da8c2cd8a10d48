"""A controller's credentials leave no trace in what is told of it."""

from collections.abc import Mapping

import pytest

from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.masking import masked, masked_data


def target(credentials: Mapping[str, str]) -> Target:
    return Target(id="c", organisation_id="o", site_id="s", driver="fake", settings={}, credentials=credentials)


@pytest.mark.parametrize(
    ("credentials", "said", "kept"),
    [
        ({"password": "s3cret"}, "no s3cret here, s3cret", "no … here, …"),
        ({"password": "a b/c"}, "http://x/?p=a%20b%2Fc&q=a b/c", "http://x/?p=…&q=…"),
        ({"short": "abc", "long": "abcdef"}, "abcdef abc", "… …"),
        ({"pin": "12"}, "12 cameras", "12 cameras"),
        ({}, "as it is", "as it is"),
    ],
)
def test_a_sentence_has_none(credentials: Mapping[str, str], said: str, kept: str) -> None:
    assert masked(target(credentials), said) == kept


def test_data_has_none_at_any_depth_and_a_word_of_everyday_stays() -> None:
    given: Json = {"url": "rtsp://u:long-secret@h", "list": [{"x": ("long-secret", 7, None, True)}], "ssid": "public"}
    found = masked_data(target({"password": "long-secret", "community": "public"}), given)
    assert found == {"url": "rtsp://u:…@h", "list": [{"x": ["…", 7, None, True]}], "ssid": "public"}
