"""A lab for each test file: starting a zygote costs a quarter of a second."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pytest import TempPathFactory

from tests.runtime.wasm.lab import Lab


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: TempPathFactory) -> AsyncIterator[Lab]:
    """Use it with `pytest.mark.asyncio(loop_scope="module")`."""
    folder: Path = tmp_path_factory.mktemp("lab")
    lab = Lab(folder)
    yield lab
    await lab.launcher.close()


@pytest.fixture
def merciful(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that others keep busy an interrupt may take longer than a guest is given; here it has the time."""
    monkeypatch.setattr("runtime.wasm.host.replica.MERCY", 5.0)
