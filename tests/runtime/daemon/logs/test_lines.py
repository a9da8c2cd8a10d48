"""Lines: however output is cut into pieces, the lines are those that were printed."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runtime.daemon.logs.lines import LINE_MOST, Lines

TEXT = st.text(alphabet="aé✓😀\r \0", max_size=12)


def joined(pieces: list[bytes]) -> list[bytes]:
    lines = Lines()
    found = [text for piece in pieces for text in lines.put(piece)]
    found += lines.flush()
    return b"".join(found).split(b"\n")[:-1]


def cut(content: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:stop] for start, stop in pairwise(edges)]


@given(st.lists(TEXT, max_size=20), st.lists(st.integers(0, 10_000), max_size=30))
def test_pieces_are_joined_to_the_lines_that_were_printed(lines: list[str], places: list[int]) -> None:
    content = "".join(line + "\n" for line in lines).encode()
    assert joined(cut(content, places)) == [line.encode() for line in lines]


@given(st.lists(TEXT, min_size=1, max_size=20), st.lists(st.integers(0, 10_000), max_size=30))
def test_a_last_line_without_an_end_is_a_line_once_the_output_has_ended(lines: list[str], places: list[int]) -> None:
    content = "\n".join(lines).encode()
    wanted = content.split(b"\n")
    assert joined(cut(content, places)) == (wanted if wanted[-1] else wanted[:-1])


@given(st.lists(st.integers(0, 3 * LINE_MOST), min_size=1, max_size=4), st.lists(st.integers(0, 2**20), max_size=8))
def test_a_long_line_is_cut_and_says_by_how_much_wherever_its_pieces_were_cut(
    sizes: list[int], places: list[int]
) -> None:
    content = b"".join(b"x" * size + b"\n" for size in sizes)
    for size, line in zip(sizes, joined(cut(content, places)), strict=True):
        if size < LINE_MOST:
            assert line == b"x" * size
        else:
            kept, _, told = line.partition("… [".encode())
            assert kept == b"x" * (LINE_MOST - 1)
            assert told == b"%d bytes cut]" % (size - LINE_MOST + 1)


def test_a_line_is_cut_between_characters() -> None:
    for lead in range(4):
        for character in "é✓😀":
            line = b"x" * lead + character.encode() * LINE_MOST
            (found,) = joined([line + b"\n"])
            text = found.decode("utf-8")
            kept, _, told = text.partition("… [")
            assert len(kept.encode()) + int(told.split()[0]) == len(line)
            assert len(kept.encode()) > LINE_MOST - 5


def test_what_is_not_utf_8_is_cut_where_it_is_too_long() -> None:
    (found,) = joined([b"\x80" * (2 * LINE_MOST) + b"\n"])
    assert found.startswith(b"\x80" * (LINE_MOST - 1) + "…".encode())


def test_a_flood_without_a_line_end_is_held_in_bounded_memory() -> None:
    lines = Lines()
    for _ in range(1_000):
        assert not list(lines.put(b"y" * LINE_MOST))
    (text,) = lines.flush()
    assert len(text) < LINE_MOST + 100
    assert lines.truncated == 1


def test_texts_are_never_much_longer_than_a_line_may_be() -> None:
    assert max(len(text) for text in Lines().put(b"abc\n" * 1_000_000)) <= LINE_MOST
