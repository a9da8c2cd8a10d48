"""What docs/guests.md quotes stands in the samples."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guests.md"


def test_every_excerpt_is_in_the_file_it_names() -> None:
    text = PAGE.read_text("utf-8")
    quoted = re.findall(
        r"`(samples/services/[^`]+\.\w+|samples/services/\S+/Fabrickfile)`:\n\n```\w+\n(.*?)```", text, re.DOTALL
    )
    assert len(quoted) == len(re.findall(r"```(?:c|ts|go|python|js|toml|wit)\n", text))
    for path, excerpt in quoted:
        assert excerpt in (ROOT / path).read_text("utf-8"), path


def test_every_sample_and_folder_it_names_is_there() -> None:
    text = PAGE.read_text("utf-8")
    for path in re.findall(r"samples/services[\w./-]*", text):
        assert (ROOT / path.rstrip(".")).exists(), path
    table = next(line for line in text.splitlines() if line.startswith("| samples |"))
    for name in re.findall(r"`([\w-]+)`", table):
        assert (ROOT / "samples" / "services" / name / "Fabrickfile").is_file(), name
