"""World: a whole server's parts in a folder of their own, with the scenario's Connections, secrets and controllers."""

import asyncio
import importlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import cast

import msgspec
import structlog

from api.cli.exits import debugging
from api.daemon.here import Here
from api.first_start import first_start
from api.scenarios.model import ControllerIn, Scenario
from api.scenarios.receiver import Receiver, receiving
from api.settings import Settings
from api.wiring import Application, build
from catalog.daemons import LOCAL_DAEMON
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from engine.records import StoredConnection
from engine.tenancy import Actor, Site, User

LOOPBACK = "127.0.0.1"
ADMIN = "admin"


class World(msgspec.Struct, kw_only=True):
    """What a scenario is played in. `place` is the scenario's own folder, `folders` the local controllers' by name."""

    scenario: Scenario
    place: Path
    application: Application
    actor: Actor
    receiver: Receiver
    folders: dict[str, Path]
    connections: list[StoredConnection]

    def filled(self, value: Json) -> Json:
        """The value with `{{receiver.url}}`, `{{scenario.folder}}` and `{{controllers.NAME.id}}` put in."""
        if isinstance(value, dict):
            return {key: self.filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return self.filled_text(value) if isinstance(value, str) and "{{" in value else value

    def filled_text(self, text: str) -> str:
        """As `filled`, for a string."""
        text = text.replace("{{receiver.url}}", self.receiver.url)
        text = text.replace("{{scenario.folder}}", str(self.place.resolve()))
        for each in self.scenario.controllers:
            text = text.replace(f"{{{{controllers.{each.name}.id}}}}", each.id)
        return text

    def beside(self, name: str) -> Path:
        """A file that the scenario names. Raises Invalid SCENARIO_FILE where there is none."""
        path = self.place / name
        if not path.is_file():
            raise Invalid(
                "SCENARIO_FILE", f"There is no file `{name}` beside the scenario.", hint="Paths begin at its folder."
            )
        return path


@asynccontextmanager
async def world(scenario: Scenario, place: Path) -> AsyncIterator[World]:
    """A World, up and running; everything of it is gone afterwards.

    Raises FabricError where the scenario cannot be set up: ConnectionInvalid, SCENARIO_FILE, SECRET_NAME …
    """
    folder = Path(tempfile.mkdtemp(prefix="fabric-scenario-"))
    try:
        with nullcontext() if debugging() else structlog.testing.capture_logs():
            async with receiving(scenario.receiver.answers) as receiver:
                here = Here()
                application = await build(_settings(scenario, folder), daemon=here)
                try:
                    await first_start(application)
                    await application.start()
                    async with await _daemon(scenario, place, folder, here, application):
                        application.registry.refresh()
                        yield await _furnished(scenario, place, application, receiver, folder)
                finally:
                    await application.stop()
    finally:
        shutil.rmtree(folder)


async def _daemon(
    scenario: Scenario, place: Path, folder: Path, here: Here, application: Application
) -> AbstractAsyncContextManager[None]:
    if scenario.daemon is None:
        return nullcontext()
    # Most scenarios need none, and it takes a while to import.
    module = await asyncio.to_thread(importlib.import_module, "api.scenarios.daemon")
    (controller,) = await application.store.find_controllers([LOCAL_DAEMON])
    made: AbstractAsyncContextManager[None] = module.hosting(
        scenario.daemon, place, folder / "daemon", here, application.service_functions, controller.organisation_id
    )
    return made


def _settings(scenario: Scenario, folder: Path) -> Settings:
    return Settings(
        data_dir=folder / "data",
        artifact_durable_dir=folder / "durable",
        webhook_allowed_hosts=(LOOPBACK,),
        adapter_read_only=scenario.read_only,
        shutdown_seconds=2.0,
        pollers=False,
    )


async def _furnished(
    scenario: Scenario, place: Path, application: Application, receiver: Receiver, folder: Path
) -> World:
    made = World(
        scenario=scenario,
        place=place,
        application=application,
        actor=await _administrator(application),
        receiver=receiver,
        folders={},
        connections=[],
    )
    for each in scenario.controllers:
        await _add_controller(made, each, folder / "targets" / str(len(made.folders)))
    for name, value in scenario.secrets.items():
        await application.secrets.put(made.actor, name, made.filled_text(value))
    for path in scenario.connections:
        content = _diverted(made.beside(path).read_bytes(), scenario.receiver.stands_for, receiver.url)
        made.connections.append(await application.authoring.create(made.actor, content))
    return made


def _diverted(content: bytes, beginnings: tuple[str, ...], url: str) -> bytes:
    """The Connection's text with the receiver in the place of what it stands for; lines keep their numbers."""
    for each in beginnings:
        content = content.replace(each.rstrip("/").encode(), url.encode())
    return content


async def _administrator(application: Application) -> Actor:
    organisation = (await application.store.organisations())[0]
    users = cast(list[User], (await application.store.list_tenants(User, organisation.id, 200, None)).items)
    actor = await application.directory.find_actor(organisation.id, next(each.id for each in users))
    if actor is None:
        raise Invalid("SCENARIO_ACTOR", "The scenario has no administrator.")
    return actor


async def _add_controller(made: World, given: ControllerIn, folder: Path) -> None:
    application, actor = made.application, made.actor
    site = (await application.store.list_tenants(Site, actor.organisation_id, 1, None)).items[0]
    settings = made.filled(given.settings)
    if given.driver == "local" and not settings:
        settings = {"directory": str(folder)}
        made.folders[given.name] = folder
        _fill_folder(folder, given.files)
    await application.administration.add_controller(
        actor,
        site_id=site.id,
        name=given.name,
        driver=given.driver,
        settings=settings,
        credentials=given.credentials,
        read_only=given.read_only,
        controller_id=given.id,
    )


def _fill_folder(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
