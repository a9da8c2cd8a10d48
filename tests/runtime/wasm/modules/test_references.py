"""References: taken apart, put together, refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Invalid
from runtime.wasm.modules.references import Reference, parse_reference, version_tag

DIGEST = "sha256:" + "0123456789abcdef" * 4

_PART = st.from_regex(r"[a-z0-9]{1,4}([._-][a-z0-9]{1,4}){0,2}", fullmatch=True)
_HOST = st.one_of(
    st.just("localhost"),
    st.from_regex(r"[a-z0-9]{1,5}(\.[a-zA-Z0-9]{1,5}){1,2}", fullmatch=True),
    st.just("[::1]:5000"),
    st.builds("{}:{}".format, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), st.integers(1, 65535)),
)
_TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    """Any reference."""
    mark = draw(st.sampled_from(["none", "tag", "digest"]))
    return Reference(
        name=draw(_PART),
        namespace=draw(st.one_of(st.just("library"), st.lists(_PART, min_size=1, max_size=3).map("/".join))),
        registry=draw(st.one_of(st.just("registry.fabricks.io"), _HOST)),
        tag=draw(_TAG) if mark == "tag" else None,
        digest=DIGEST if mark == "digest" else None,
    )


@given(references())
@settings(max_examples=400, deadline=None)
def test_what_is_printed_is_read_back(reference: Reference) -> None:
    assert parse_reference(reference.short) == reference
    assert parse_reference(f"wasm://{reference.short}") == reference
    full = parse_reference(reference.canonical)
    assert (full.registry, full.repository, full.target) == (reference.registry, reference.repository, reference.target)
    assert full.canonical == reference.canonical == parse_reference(reference.stored).canonical


@given(st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused_and_what_is_read_prints_as_the_same_thing(text: str) -> None:
    try:
        found = parse_reference(text)
    except Invalid as error:
        assert error.code == "INVALID_REQUEST"
        assert error.message.endswith(".") and error.message.isprintable()
        return
    assert parse_reference(found.short) == found


@pytest.mark.parametrize(
    ("text", "registry", "repository", "target"),
    [
        ("hello", "registry.fabricks.io", "library/hello", "latest"),
        ("wasm://hello:1.0.0", "registry.fabricks.io", "library/hello", "1.0.0"),
        ("team/hello", "registry.fabricks.io", "team/hello", "latest"),
        ("a/b/hello:x", "registry.fabricks.io", "a/b/hello", "x"),
        ("localhost/hello", "localhost", "library/hello", "latest"),
        ("localhost:5000/hello:v1", "localhost:5000", "library/hello", "v1"),
        ("127.0.0.1:5000/team/hello", "127.0.0.1:5000", "team/hello", "latest"),
        ("[::1]:5000/hello", "[::1]:5000", "library/hello", "latest"),
        (f"r.example/t/hello@{DIGEST}", "r.example", "t/hello", DIGEST),
        ("hello:5000", "registry.fabricks.io", "library/hello", "5000"),
    ],
)
def test_defaults_fill_in_what_is_left_out(text: str, registry: str, repository: str, target: str) -> None:
    found = parse_reference(text)
    assert (found.registry, found.repository, found.target) == (registry, repository, target)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "part ``"),
        ("Hello", "part `Hello`"),
        ("hello:", "tag ``"),
        ("hello:.x", "tag `.x`"),
        ("hello:" + "x" * 129, "tag"),
        ("hello@sha256:12", "digest"),
        (f"hello@{DIGEST.upper()}", "digest"),
        (f"hello:1@{DIGEST}", "a tag and a digest"),
        ("localhost:99999/hello", "port 99999"),
        ("localhost:0/hello", "port 0"),
        ("-bad.example/hello", "registry `-bad.example`"),
        ("a//hello", "part ``"),
        ("hello..x", "part `hello..x`"),
        ("../hello", "registry `..`"),
        ("http://r.example/hello", "registry `http:`"),
        ("hello\n", "printable"),
        ("héllo", "ASCII"),
        ("a" * 300, "over 255"),
        ("a/" * 300 + "b", "over 512"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_reference(text)
    assert says in caught.value.message
    assert caught.value.hint is not None and "name" in caught.value.hint


def test_build_metadata_fits_into_a_tag() -> None:
    assert version_tag("1.0.0+linux.7") == "1.0.0_linux.7"
    assert parse_reference(f"x:{version_tag('1.0.0-rc.1+a')}").tag == "1.0.0-rc.1_a"
