"""What holds for all tests."""

import pytest

pytest_plugins = ["tests.modules.table"]


def pytest_configure(config: pytest.Config) -> None:
    """The marker of docs/daemon.md."""
    config.addinivalue_line("markers", "reference(items): the test proves these items of the reference (fnmatch)")
