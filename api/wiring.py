"""Wiring: the only place where parts are joined."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from api.settings import Settings, data_dir, durable_dir
from catalog.appliers import Appliers
from catalog.daemons import DaemonApi
from catalog.errors import Invalid
from catalog.provider import Ports, Provider
from catalog.registry import Registry
from engine.administration import Administration
from engine.apply import Applier
from engine.artifacts import ArtifactStore
from engine.assistants import Assistants
from engine.authoring import Authoring
from engine.budgets import Budgets
from engine.buses.memory import MemoryBus
from engine.clock import SystemClock
from engine.credentials import Credentials
from engine.directory import Directory
from engine.dispatcher import Dispatcher
from engine.engine import Engine
from engine.gate import Gate
from engine.guards import Rate
from engine.inbox import StoredInbox
from engine.index import Index
from engine.ingest import Ingest
from engine.intake import Intake
from engine.measures import Measures
from engine.negotiator import Negotiator
from engine.plugins import Plugins
from engine.ports import Bus, Clock, Store
from engine.redis_guards import RedisGuards
from engine.removing import Removal
from engine.resealing import Resealing
from engine.retention import DAY, Retention
from engine.runner import Runner
from engine.schedule import Schedule
from engine.seal import open_seal
from engine.secrets import Secrets
from engine.staging import Staging
from engine.stores.sqlite import open_store
from engine.targets import TargetFinder
from engine.trials import Trials
from engine.watching import WatchedControllers
from engine.workers import Workers
from runtime.drivers import opening
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.log_sink import StructuredLog
from runtime.mail import Relay, SmtpMail
from runtime.plugins import Host
from runtime.plugins.signatures import read_keys
from runtime.pollers.memory import Memories
from runtime.pollers.pollers import Pollers
from runtime.pollers.watches import FOLLOWS, POLLS
from runtime.providers import NATIVE
from runtime.providers.service_functions import ServiceFunctions
from runtime.signatures.signing import Signer
from runtime.state import StateStore

_log = structlog.get_logger()


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a server is made of, joined and not yet started."""

    settings: Settings
    data: Path
    clock: Clock
    bus: Bus
    store: Store
    artifacts: ArtifactStore
    registry: Registry
    directory: Directory
    credentials: Credentials
    administration: Administration
    removal: Removal
    resealing: Resealing
    targets: TargetFinder
    ports: Ports
    authoring: Authoring
    plugins: Plugins
    plugin_host: Host
    service_functions: ServiceFunctions
    secrets: Secrets
    ingest: Ingest
    intake: Intake
    trials: Trials
    budgets: Budgets
    assistants: Assistants
    applier: Applier
    workers: Workers
    schedule: Schedule
    measures: Measures
    engine: Engine
    pollers: Pollers
    closers: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def start(self) -> None:
        """Bring the engine up."""
        await self.plugins.load()
        await self.engine.start()
        if self.settings.pollers:
            await self.pollers.start()

    async def stop(self, seconds: float | None = None) -> None:
        """Drain for so long (the setting's `shutdown_seconds` by default) and close, in that order."""
        await self.pollers.close()
        await self.resealing.close()
        await self.engine.stop(self.settings.shutdown_seconds if seconds is None else seconds)
        await self.plugin_host.close()
        for close in self.closers:
            await close()


async def build(
    settings: Settings,
    *,
    addresses: tuple[tuple[str, int], ...] = (),
    providers: tuple[Provider, ...] = NATIVE,
    clock: Clock | None = None,
    daemon: DaemonApi | None = None,
) -> Application:
    """Join the parts. `addresses` are our own listening (address, port) pairs, which nothing that leaves may reach.

    `daemon` is the services half of this process, where there is one.

    Raises FabricError SETTING_INVALID, DATA_DIR_IN_USE, SQLITE_TOO_OLD and what else keeps the store from opening.
    """
    clock = clock or SystemClock()
    bus, measures = MemoryBus(), Measures()
    data = data_dir(settings)
    store = await open_store(database_path(settings, data), clock=clock, owner=secrets.token_hex(8), bus=bus)
    seal = open_seal(data)
    resealing = Resealing(store, seal, data, clock, bus)
    artifacts = _artifacts(settings, data, store, clock)
    http = EgressClient(
        Guard(settings.webhook_allowed_hosts, addresses),
        controllers=Guard((), addresses, configured=True),
        signer=Signer(settings.webhook_signing_secret) if settings.webhook_signing_secret else None,
    )
    ports = Ports(
        log=StructuredLog(),
        http=http,
        mail=_mail(settings),
        inbox=StoredInbox(store, clock),
        artifacts=artifacts,
        daemon=daemon,
        home=data / "drivers",
    )
    plugin_host = Host(keys=read_keys(settings.plugin_trusted_keys))
    functions = ServiceFunctions(data / "service-functions.json")
    registry = Registry((*providers, functions), plugins=plugin_host.providers)
    registry.current()
    directory = Directory(store, registry, clock, bus)
    targets = TargetFinder(directory, seal)
    staging = Staging(targets, artifacts, clock, lifetime=settings.change_days * DAY)
    negotiator = Negotiator(registry, ports, Gate(directory), targets, staging)
    index, schedule = Index(), Schedule(clock)
    sealed = Secrets(store, seal, clock)
    workers = Workers(store, index, schedule, Runner(negotiator, clock), sealed, clock, measures)
    guards = RedisGuards(settings.redis_url, clock, measures) if settings.redis_url else None
    dispatcher = Dispatcher(store, index, schedule, workers, clock, measures, guards)
    ingest = Ingest(store, dispatcher, Rate.parse(settings.ingest_limit), clock, measures, guards)
    applier = Applier(
        store,
        registry,
        Appliers(providers),
        directory,
        targets,
        ports,
        workers,
        clock,
        measures,
        read_only=settings.adapter_read_only,
    )
    authoring = Authoring(store, registry, directory, index, clock, bus)
    trials = Trials(store, registry, index, dispatcher, workers, negotiator, staging, targets, ports, clock, measures)
    budgets = Budgets(store, dispatcher, clock)
    retention = Retention(store, clock, runs_days=settings.runs_keep_days, events_days=settings.events_keep_days)
    engine = Engine(store, authoring, dispatcher, workers, schedule, ingest, applier, retention, artifacts.collect)
    plugin_host.publish = engine.publish
    intake = Intake(store, dispatcher, measures)
    return Application(
        settings=settings,
        data=data,
        clock=clock,
        bus=bus,
        store=store,
        artifacts=artifacts,
        registry=registry,
        directory=directory,
        credentials=Credentials(store, directory, seal, clock, bus),
        administration=Administration(store, seal, clock, bus, opening),
        removal=Removal(store, workers, clock, bus, measures),
        resealing=resealing,
        targets=targets,
        ports=ports,
        authoring=authoring,
        plugins=Plugins(store, plugin_host, registry, authoring, clock, bus),
        plugin_host=plugin_host,
        service_functions=functions,
        secrets=sealed,
        ingest=ingest,
        intake=intake,
        trials=trials,
        budgets=budgets,
        assistants=Assistants(registry, trials, budgets, store, Rate.parse(settings.mcp_limit), clock, measures),
        applier=applier,
        workers=workers,
        schedule=schedule,
        measures=measures,
        engine=engine,
        pollers=Pollers(
            WatchedControllers(store, targets, bus),
            intake,
            ports,
            Memories(StateStore(data / "watches.sqlite")),
            clock.now,
            polls=POLLS,
            follows=FOLLOWS,
        ),
        closers=(ports.residents.shut, *((guards.close,) if guards is not None else ())),
    )


def database_path(settings: Settings, data: Path) -> Path:
    """The SQLite file. Raises Invalid SETTING_INVALID for a database that this version cannot use."""
    url = settings.database_url
    if not url:
        return data / "fabric.sqlite"
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    raise Invalid(
        "SETTING_INVALID",
        "`FABRIC_DATABASE_URL` names a database that this version does not speak.",
        hint="Leave it empty, or write `sqlite:///PATH`.",
    )


def _artifacts(settings: Settings, data: Path, store: Store, clock: Clock) -> ArtifactStore:
    durable, as_configured = durable_dir(settings, data)
    if not as_configured:
        _log.info("artifact_dir_instead", wanted=str(settings.artifact_durable_dir), used=str(durable))
    return ArtifactStore(data / "broker", durable, clock, in_use=store.artifacts_in_use)


def _mail(settings: Settings) -> SmtpMail:
    relay = Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_sender,
        username=settings.smtp_username,
        password=settings.smtp_password,
        tls=settings.smtp_tls,
    )
    return SmtpMail(relay if settings.smtp_host else None)
