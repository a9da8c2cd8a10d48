"""What holds for all tests."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.modules.table"]


def pytest_configure(config: pytest.Config) -> None:
    """The marker of docs/daemon.md, and Hypothesis without a watch: on a busy machine it would time the machine."""
    config.addinivalue_line("markers", "reference(items): the test proves these items of the reference (fnmatch)")
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")
