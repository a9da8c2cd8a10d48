"""What is the platform's own, however it is written."""

import pytest

from runtime.daemon.traffic.private_paths import is_private


@pytest.mark.parametrize(
    "target",
    [
        b"/.fabric/functions/x",
        b"/.fabric",
        b"//.fabric/x",
        b"/a/../.fabric/x",
        b"/%2efabric/x",
        b"/.f%61bric?y",
        b"/\\.fabric\\x",
    ],
)
def test_a_segment_that_says_so_is_private(target: bytes) -> None:
    assert is_private(target)


@pytest.mark.parametrize(
    "target", [b"/", b"/.fabrics/", b"/x.fabric/", b"/?q=/.fabric/", b"/%252efabric/", b"/fabric/"]
)
def test_what_only_looks_like_it_is_not(target: bytes) -> None:
    assert not is_private(target)
