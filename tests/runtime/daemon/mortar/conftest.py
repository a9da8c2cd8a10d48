"""A project file's modules, in a daemon of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.runtime.daemon.mortar.projects import Projects, projects


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Projects]:
    async with projects(tmp_path) as made:
        for name in ("gate:1", "cart:1", "ledger:1"):
            made.module(name)
        yield made
