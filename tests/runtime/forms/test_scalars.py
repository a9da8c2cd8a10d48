"""Durations and sizes: what people write is what is meant, and what is printed can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from runtime.forms.scalars import (
    DURATION_MOST,
    SIZE_MOST,
    parse_bytes,
    parse_duration,
    print_bytes,
    print_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (30, 30),
        (1.5, 1.5),
        ("30s", 30),
        ("30 sec", 30),
        ("5m", 300),
        ("5minutes", 300),
        ("2h", 7200),
        ("2hr", 7200),
        ("1d", 86400),
        ("14 days", 1209600),
        ("250ms", 0.25),
        ("1m30s", 90),
        ("4h 30m 15s", 16215),
        ("1.5h", 5400),
        ("1D", 86400),
        (" 3s ", 3),
    ],
)
def test_a_duration_is_read_as_its_writer_means_it(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "-5s",
        "+5s",
        "5x",
        "5 s m",
        "30s1m",
        "1m1m",
        "1m30",
        "1e3s",
        ".5s",
        "5.s",
        "٣s",
        "inf",
        "nan",
        -1,
        1e300,
        float("nan"),
        True,
    ],
)
def test_what_is_no_duration_is_refused_with_its_text_and_the_forms(text: str | float) -> None:
    with pytest.raises(Invalid, match="1m30s") as refused:
        parse_duration(text)
    assert refused.value.code == "INVALID_REQUEST"


def test_the_text_is_named_and_a_long_one_is_cut() -> None:
    with pytest.raises(Invalid, match="`soon` is not a duration"):
        parse_duration("soon")
    with pytest.raises(Invalid) as refused:
        parse_bytes("9" * 100_000)
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        (4096, 4096),
        ("10B", 10),
        ("10MB", 10_000_000),
        ("10M", 10_000_000),
        ("512Mi", 512 * 1024**2),
        ("512MiB", 512 * 1024**2),
        ("512mib", 512 * 1024**2),
        ("8 Gi", 8 * 1024**3),
        ("1.5Ki", 1536),
        ("2T", 2 * 1000**4),
        ("2Ti", 2 * 1024**4),
        ("12.3Gi", 13207024435),
        (str(SIZE_MOST), SIZE_MOST),
    ],
)
def test_a_size_is_read_as_its_writer_means_it(text: str | int, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "Gi", "-1", "1Xi", "1.Gi", "1,5Gi", "1Gi5", "8388608Ti", SIZE_MOST + 1, True])
def test_what_is_no_size_or_overflows_is_refused(text: str | int) -> None:
    with pytest.raises(Invalid, match="512Mi") as refused:
        parse_bytes(text)
    assert refused.value.code == "INVALID_REQUEST"


@given(st.integers(0, SIZE_MOST))
def test_a_size_printed_exactly_is_read_as_the_same_size(count: int) -> None:
    assert parse_bytes(print_bytes(count, exact=True)) == count


@given(st.integers(0, SIZE_MOST // 2))
def test_a_size_printed_for_reading_is_short_and_close(count: int) -> None:
    text = print_bytes(count)
    assert len(text) <= len("8388607.9Ti")
    assert abs(parse_bytes(text) - count) <= count * 0.05


@given(st.integers(1, 9999), st.sampled_from(["Ki", "Mi", "Gi", "KB", "MB"]))
def test_what_was_written_in_whole_units_is_printed_without_loss(count: int, unit: str) -> None:
    size = parse_bytes(f"{count}{unit}")
    assert parse_bytes(print_bytes(size)) == size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (50 * 1024**3, "50Gi"),
        (512 * 1024**2, "512Mi"),
        (10_000_000, "10MB"),
        (13207024435, "12.3Gi"),
        (2251799814, "2.1Gi"),
        (245760000, "234.4Mi"),
        (1024**3 - 1, "1Gi"),
        (1025, "1Ki"),
    ],
)
def test_sizes_are_printed_as_the_api_shows_them(count: int, text: str) -> None:
    assert print_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (16215, "4h 30m 15s"),
        (16215.9, "4h 30m 15s"),
        (8100, "2h 15m"),
        (0, "0ms"),
        (0.015, "15ms"),
        (0.00042, "0.4ms"),
        (0.9996, "1000ms"),
        (1.5, "1.5s"),
        (5, "5s"),
        (30, "30s"),
        (86400 * 2 + 60, "2d 1m"),
    ],
)
def test_durations_are_printed_as_the_api_shows_them(seconds: float, text: str) -> None:
    assert print_duration(seconds) == text


@given(st.integers(60, DURATION_MOST) | st.integers(0, 59_999).map(lambda ms: ms / 1000))
def test_a_printed_duration_is_read_as_the_same_duration(seconds: float) -> None:
    assert parse_duration(print_duration(seconds)) == pytest.approx(seconds, abs=0.0001)
