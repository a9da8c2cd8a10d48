"""A real OCI registry of the test's own: Debian's docker-registry, open, with a password, or with tokens."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.token_service import ISSUER, SERVICE, TokenService

USER, PASSWORD = "ferry", "quay-7"
_HASHED = "$2b$04$frAAlpGBa9ANgWYSLklMe.WoZveja/Jh0dF9j/hBkJxjlkTix8YSy"
"""PASSWORD by bcrypt, with the least work it knows."""

_CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
{auth}
"""


class Registry:
    """A running docker-registry."""

    def __init__(self, folder: Path, *, password: bool = False, tokens: TokenService | None = None) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._password = password
        self._tokens = tokens
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def host(self) -> str:
        """Its name in a reference."""
        return f"127.0.0.1:{self.port}"

    @property
    def blobs(self) -> list[Path]:
        """What it keeps, as files."""
        return [each for each in (self._folder / "storage").rglob("data") if each.is_file()]

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("docker-registry") or "/usr/bin/docker-registry"
        assert Path(program).exists(), "docker-registry is missing; run `python -m tests.packages`"
        config = self._folder / "config.yml"
        config.write_text(_CONFIG.format(storage=self._folder / "storage", port=self.port, auth=self._auth()))
        environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
        output = (self._folder / "registry.log").open("wb")
        with output:
            self._process = subprocess.Popen(
                [program, "serve", str(config)], stdout=output, stderr=output, env=environment
            )
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://{self.host}/v2/", timeout=2):
                    return
            except urllib.error.HTTPError as error:
                error.close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError((self._folder / "registry.log").read_text())

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _auth(self) -> str:
        if self._tokens is not None:
            realm, bundle = f"http://{self._tokens.host}/token", self._tokens.certificate
            return (
                f"auth: {{token: {{realm: '{realm}', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {bundle}}}}}"
            )
        if not self._password:
            return ""
        passwords = self._folder / "htpasswd"
        passwords.write_text(f"{USER}:{_HASHED}\n")
        return f"auth: {{htpasswd: {{realm: quay, path: {passwords}}}}}"


@contextmanager
def registry(folder: Path, *, password: bool = False, tokens: TokenService | None = None) -> Iterator[Registry]:
    """A started registry; killed at the end."""
    made = Registry(folder, password=password, tokens=tokens)
    made.start()
    try:
        yield made
    finally:
        made.stop()
