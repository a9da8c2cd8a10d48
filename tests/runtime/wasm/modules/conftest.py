"""An empty store for each test."""

from pathlib import Path

import pytest

from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import store_in


@pytest.fixture
def store(tmp_path: Path) -> ModuleStore:
    """An empty store of the test's own."""
    return store_in(tmp_path)
