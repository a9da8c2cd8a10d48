"""Modules: the store as the command line works on it: the daemon's by its socket, or one on this machine's disk."""

import asyncio
import http.client
import json
import os
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

from api.cli.control import Control
from api.cli.problems import ServerBug, trouble_from
from api.cli.server import segment
from api.daemon.shown_module import listed, shown
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.wasm.modules.archive import export_layout, gather_path
from runtime.wasm.modules.progress import Progress
from runtime.wasm.modules.registry_settings import RegistrySettings, read_registry_settings
from runtime.wasm.modules.store import ModuleStore
from runtime.wasm.modules.transfer import TRANSFER_SECONDS, pull, push

UPLOAD_SECONDS = 600.0


class Modules(Protocol):
    """A store, wherever it is. Every answer has the shape of the services API's."""

    def rows(self) -> list[Json]:
        """Every module."""
        ...

    def show(self, reference: str) -> Json:
        """One module, all of it. Raises NotFound MODULE_NOT_FOUND."""
        ...

    def add(self, source: Path, reference: str, kind: str | None) -> Json:
        """Store a file or folder as a module."""
        ...

    def tag(self, reference: str, name: str) -> Json:
        """Give a further name."""
        ...

    def remove(self, reference: str, *, force: bool) -> Json:
        """Take a name away."""
        ...

    def move(self, what: str, reference: str, to: str | None, *, insecure: bool, progress: Progress) -> Json:
        """`push` or `pull`."""
        ...


def user_settings() -> RegistrySettings:
    """Registries as the user knows them: ~/.fabricks and his variables."""
    return read_registry_settings(Path.home() / ".fabricks", os.environ)


class StoreModules:
    """A store in a folder."""

    def __init__(self, store: ModuleStore) -> None:
        self.store = store

    @classmethod
    def at(cls, folder: Path) -> "StoreModules":
        """The OCI layout in `folder`; nothing is unpacked from here."""
        return cls(ModuleStore(folder, folder / ".unpacked", aliases=user_settings().aliases))

    def rows(self) -> list[Json]:
        """See Modules."""
        return [listed(each) for each in self.store.list()]

    def show(self, reference: str) -> Json:
        """See Modules."""
        return shown(self.store, self.store.get(reference))

    def add(self, source: Path, reference: str, kind: str | None) -> Json:
        """See Modules."""
        return listed(self.store.add(gather_path(source, kind), reference))

    def tag(self, reference: str, name: str) -> Json:
        """See Modules."""
        return listed(self.store.tag(reference, name))

    def remove(self, reference: str, *, force: bool) -> Json:
        """See Modules. Nobody runs what lies in a folder: `force` changes nothing."""
        return listed(self.store.remove(reference))

    def move(self, what: str, reference: str, to: str | None, *, insecure: bool, progress: Progress) -> Json:
        """See Modules."""
        settings = user_settings()
        if what == "push":
            work = push(self.store, reference, to=to, settings=settings, insecure=insecure, progress=progress)
        else:
            work = pull(self.store, reference, settings=settings, insecure=insecure, progress=progress)
        return listed(asyncio.run(work))


class DaemonModules:
    """The daemon's store, over its socket. What must be read to be sent is read here, as the user."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._settings = user_settings()

    def rows(self) -> list[Json]:
        """See Modules."""
        found: list[Json] = self._control.get("modules")["modules"]
        return found

    def show(self, reference: str) -> Json:
        """See Modules."""
        return self._control.get(self._path(reference))

    def add(self, source: Path, reference: str, kind: str | None) -> Json:
        """See Modules."""
        if not source.is_dir():
            return self._upload(source, reference, kind)
        with tempfile.TemporaryDirectory(prefix="fabric-") as folder:
            local = ModuleStore(Path(folder, "storage"), Path(folder, "unpacked"))
            return self.send(local, local.add(source, reference).reference)

    def send(self, local: ModuleStore, reference: str, *, without: Collection[str] = ()) -> Json:
        """Store a module of another store here; blobs in `without` are here already."""
        stored = local.read(reference)
        with tempfile.TemporaryDirectory(prefix="fabric-") as folder:
            tar = Path(folder, "module.tar")
            export_layout(local.layout.blob, stored.entry, stored.manifest, stored.name, tar, without=without)
            return self._upload(tar, reference, None)

    def fetch(self, reference: str, into: ModuleStore) -> Collection[str]:
        """Copy a module to another store; the digests of its blobs."""
        with tempfile.TemporaryDirectory(prefix="fabric-") as folder:
            tar = Path(folder, "module.tar")
            self._download(self._path(reference), tar)
            into.add(tar, reference)
        return {each.digest for each in into.read(reference).manifest.blobs}

    def tag(self, reference: str, name: str) -> Json:
        """See Modules."""
        return self._control.post("modules/tag", {"reference": self._named(reference), "name": name})

    def remove(self, reference: str, *, force: bool) -> Json:
        """See Modules."""
        return self._control.delete(self._path(reference), force=force)

    def move(self, what: str, reference: str, to: str | None, *, insecure: bool, progress: Progress) -> Json:
        """See Modules. The daemon speaks to the registry, with the user's login."""
        wanted = self._settings.reference(to or reference)
        login = self._settings.credentials.get(wanted.registry)
        body: Json = {
            "reference": self._named(reference) if what == "push" else wanted.canonical,
            "to": wanted.canonical if what == "push" else self._settings.named(reference).stored,
            "insecure": insecure or wanted.registry in self._settings.insecure,
            "mirrors": self._settings.mirrors.get(wanted.registry, ()),
            "username": login.username if login else None,
            "password": login.password if login else None,
        }
        return self._followed(f"modules/{what}", body, progress)

    def _named(self, reference: str) -> str:
        bare = reference.removeprefix("wasm://")
        return self._settings.aliases.get(bare, bare)

    def _path(self, reference: str) -> str:
        return "modules/" + "/".join(segment(each) for each in self._named(reference).split("/"))

    def _upload(self, file: Path, reference: str, kind: str | None) -> Json:
        query = {"reference": reference, "type": kind}
        with file.open("rb") as content:
            headers = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/octet-stream"}
            answer = self._ask("POST", "modules", query, content, headers, UPLOAD_SECONDS, _whole)
        return json.loads(answer)["data"]

    def _download(self, path: str, into: Path) -> None:
        def keep(answer: http.client.HTTPResponse) -> bytes:
            with into.open("wb") as file:
                while piece := answer.read(1024 * 1024):
                    file.write(piece)
            return b""

        self._ask("GET", path, {"archive": "true"}, None, {}, UPLOAD_SECONDS, keep)

    def _followed(self, path: str, body: Json, progress: Progress) -> Json:
        def follow(answer: http.client.HTTPResponse) -> bytes:
            for line in answer:
                told = json.loads(line)
                if "step" in told:
                    progress.step(told["step"])
                elif "blob" in told:
                    progress.moved(told["blob"], told["done"], told["total"])
                else:
                    return line
            raise ServerBug("SERVER_ANSWER", "The daemon's answer has no end.")

        headers = {"Accept": "application/x-ndjson", "Content-Type": "application/json"}
        content = json.dumps(body).encode()
        last = json.loads(self._ask("POST", path, {}, content, headers, TRANSFER_SECONDS, follow))
        if "data" in last:
            return last["data"]
        trouble = last["error"]
        raise trouble_from(trouble["status"], {}, json.dumps({"status": "error", "error": trouble}).encode())

    def _ask(
        self,
        method: str,
        path: str,
        query: Json,
        content: Any,
        headers: dict[str, str],
        seconds: float,
        read: Callable[[http.client.HTTPResponse], bytes],
    ) -> bytes:
        control = self._control
        connection = control.connect(seconds)
        try:
            connection.request(
                method,
                control.target(path, query),
                content,
                {**headers, **control.credentials(), "Connection": "close"},
            )
            answer = connection.getresponse()
            if answer.status >= 400:
                raise control.refused(answer.status, dict(answer.getheaders()), answer.read())
            return read(answer)
        except FabricError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise control.unreachable(error) from None
        finally:
            connection.close()


def _whole(answer: http.client.HTTPResponse) -> bytes:
    return answer.read()
