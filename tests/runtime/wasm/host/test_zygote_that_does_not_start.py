"""A zygote that cannot be started is said; nobody waits for it for ever."""

import sys
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from runtime.wasm.host import ZygoteLauncher
from runtime.wasm.launch import Abi, Launch


async def test_what_keeps_it_from_starting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = ZygoteLauncher()
    launch = Launch(service="api", instance="api-0", abi=Abi.REACTOR, compiled=tmp_path / "none")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "nowhere"))
        with pytest.raises(Unavailable) as caught:
            await launcher.launch(launch, output=lambda *_: None, outgoing=None, timeout=1.0)
    assert caught.value.code == "ZYGOTE_DOWN"
    assert "cannot be started" in caught.value.message
    await launcher.close()
