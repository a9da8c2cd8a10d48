"""Project files that nobody wrote on purpose: whatever a value is, it is told, and nothing breaks."""

import os
import re
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Invalid
from runtime.daemon.mortar.reading import read_project

ROOT = Path(__file__).resolve().parents[4]
LINES = (ROOT / "samples/mortar/ferry-desk/fabricks-mortar.toml").read_text().splitlines()
PAIRS = [at for at, line in enumerate(LINES) if re.match(r"[a-z_]+ = ", line)]
HEADERS = [at for at, line in enumerate(LINES) if line.startswith("[")]
PLAIN = ["1", "-1", "1.5", "true", '""', '"x"', "[]", "[1]", '["a", 5]', "[[]]", "{}", "{ a = 1 }", "{ a = {} }"]
REFERRING = ['"${"', '"${variable.seats}"', '"${secret.pay_token}"', '"a${env.NOBODY:-b}"', "1979-05-27", "9e300"]
VALUES = st.sampled_from([*PLAIN, *REFERRING, "[{ a = 1 }]"])
EDITS = st.lists(st.tuples(st.sampled_from(PAIRS), VALUES), min_size=1, max_size=3)
DROPPED = st.lists(st.sampled_from(HEADERS), max_size=2)


@settings(max_examples=400, deadline=None)
@given(edits=EDITS, dropped=DROPPED, profile=st.sampled_from([None, "drill", "no"]), strict=st.booleans())
def test_any_value_anywhere_is_read_or_told(
    edits: list[tuple[int, str]], dropped: list[int], profile: str | None, strict: bool
) -> None:
    lines = list(LINES)
    for at, value in edits:
        lines[at] = f"{lines[at].partition(' = ')[0]} = {value}"
    text = "\n".join(line for at, line in enumerate(lines) if at not in dropped)
    with patch.dict(os.environ, {"FERRY_PAY_TOKEN": "ahoy-ahoy"}):
        try:
            read = read_project(text, profile=profile, base=ROOT, strict=strict)
        except Invalid as error:
            assert "is not TOML" in error.message
            return
    assert (read.project is None) == bool(read.findings.errors)
    assert all(each.message.endswith(".") and "ahoy-ahoy" not in each.message for each in read.findings.all)


@settings(max_examples=200, deadline=None)
@given(section=st.sampled_from(["project", "network", "service", "volume", "policy", "validate", "profile", "secret",
                                "variable", "external_hosts"]), value=VALUES)  # fmt: skip
def test_any_section_may_be_anything(section: str, value: str) -> None:
    try:
        read = read_project(f'{section} = {value}\nmortar_version = "1.0"\n', profile="p")
    except Invalid as error:
        assert "is not TOML" in error.message
        return
    assert read.findings.errors
