"""Fixtures of the command line's tests."""

from collections.abc import Iterator

import pytest

from tests.api.running import Running, running
from tests.cli.commanding import Fabric

VARIABLES = ("FABRIC_URL", "FABRIC_TOKEN", "FABRIC_DATA_DIR", "FABRIC_CATALOG", "FABRIC_DEBUG", "FORCE_COLOR")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fabric:
    """The command line."""
    return Fabric(monkeypatch, capsys)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running server for one file of tests."""
    data = tmp_path_factory.mktemp("server")
    with running(data, webhook_allowed_hosts=("127.0.0.1",)) as made:
        yield made


@pytest.fixture
def live(fabric: Fabric, server: Running, monkeypatch: pytest.MonkeyPatch) -> Fabric:
    """The command line as the administrator of that server, by its token file."""
    host, port = server.address
    monkeypatch.setenv("FABRIC_URL", f"http://{host}:{port}")
    monkeypatch.setenv("FABRIC_DATA_DIR", str(server.data))
    return fabric
