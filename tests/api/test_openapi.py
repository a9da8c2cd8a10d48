"""The served OpenAPI document, and a server that keeps to it whatever is asked."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.fabric.routes import ENDPOINTS
from api.openapi import document
from catalog.jsonvalue import Json
from tests.api.daemon.hosted import configured, short_folder
from tests.api.running import Running, running

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
)
EXAMPLES = 10
ENDLESS = "stream_moves"
"""Has tests of its own."""


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of its own: what is asked here may change anything."""
    with short_folder() as folder:
        config, _ = configured(folder)
        data = tmp_path_factory.mktemp("described")
        with running(data, services=config, ingest_limit="50/60s") as made:
            yield made


def test_the_document_is_served_without_a_credential_and_names_every_route(server: Running) -> None:
    found = server.ask("GET", "/api/v1/openapi.json").body
    named = {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}
    assert named == {(each.method, each.path) for each in ENDPOINTS}
    assert found["openapi"] == "3.1.0"


def test_every_operation_says_what_it_takes_gives_and_refuses() -> None:
    found = document(ENDPOINTS, "1")
    for endpoint in ENDPOINTS:
        operation: Json = found["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"]
        assert f"For: {endpoint.who.text}." in operation["description"]
        assert {str(each) for each in (*endpoint.gives, *endpoint.refusals)} == operation["responses"].keys()
        assert ("requestBody" in operation) == (endpoint.body is not None)


@pytest.mark.parametrize("who", ["administrator", "viewer", "machine"])
def test_whatever_schemathesis_asks_the_answer_is_described_and_no_500(
    described: Running, who: str, tmp_path: Path
) -> None:
    """The real tool: its coverage, fuzzing and stateful phases, some thousand requests."""
    credential = {
        "administrator": lambda: f"Authorization: Bearer {described.issue(kind='token')}",
        "viewer": lambda: f"Authorization: Bearer {described.person('st-viewer', 'viewer')[1]}",
        "machine": lambda: f"X-API-Key: {described.issue()}",
    }[who]()
    host, port = described.address
    found = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{host}:{port}/api/v1/openapi.json"),
            *("--header", credential, "--checks", ",".join(CHECKS), "--exclude-operation-id", ENDLESS),
            *("--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-4000:]
    asked = re.search(r"(\d+) generated", found.stdout)
    assert asked is not None
    assert int(asked[1]) > 1000
