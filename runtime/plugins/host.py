"""Host: the enabled plugins of this process, their workers, and what a call of one of them comes to."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec
import structlog

from catalog.errors import FabricError, Forbidden, Invalid, NotFound, TooLarge, TooMany, Unavailable
from catalog.events import Event
from catalog.foreign_schemas import Validity
from catalog.jsonvalue import Json, compact
from catalog.operations import Operation
from catalog.plugins import EnabledPlugin, PluginManifest, Signature
from catalog.provider import Call
from runtime.arrival import Arrival
from runtime.clock import Clock, SystemClock
from runtime.plugins.answers import ANSWER_MOST, Raised, read_answer
from runtime.plugins.outgoing import granted_only
from runtime.plugins.provider import OnePlugin
from runtime.plugins.reading import read_manifest
from runtime.plugins.signatures import TrustedKey, check_signature
from runtime.plugins.worker import Worker
from runtime.plugins.workshop import Workshop
from runtime.wasm.launch import Abi, Launch, Replica
from runtime.wasm.messages import encode_request
from runtime.wasm.modules.abi import detect_abi
from runtime.wasm.modules.store import ModuleStore

SECONDS = 30.0
"""What one call may take, from its first moment (the seed's bound)."""
IDLE_SECONDS = 300.0
MEMORY_MOST = 256 * 1024 * 1024
MEMORY = 64 * 1024 * 1024
START_SECONDS = 15.0
WORKERS_MOST = 64
EVENTS_A_MINUTE = 1000
MINUTE = 60.0
KEPT = "fabric.local/plugin"
"""Modules of enabled plugins have a name below this, besides their own."""
WARM = frozenset({Abi.REACTOR, Abi.FRAMED})

_log = structlog.get_logger()

Publish = Callable[[Event], Awaitable[None]]
_Key = tuple[str, str, frozenset[str]]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of one call, seconds until an idle guest is stopped, guests at once, and events a minute of one plugin in
    one organisation: an event may fire a Connection that calls the plugin again.
    """

    seconds: float = SECONDS
    idle: float = IDLE_SECONDS
    workers: int = WORKERS_MOST
    events: int = EVENTS_A_MINUTE


class _Checks(msgspec.Struct, frozen=True):
    """A plugin's schemas, ready to be asked."""

    inputs: dict[str, Validity]
    outputs: dict[str, Validity]
    payloads: dict[str, Validity]


class Host:
    """Implements `catalog.plugins.PluginHost`. `open` gives it the services half to run on, `close` takes it away.

    A guest is one organisation's alone, so that nothing it remembers reaches another. With `keys` a plugin must be
    signed by one of them.
    """

    def __init__(
        self, *, keys: Sequence[TrustedKey] = (), bounds: Bounds | None = None, clock: Clock | None = None
    ) -> None:
        self._keys = tuple(keys)
        self._bounds = bounds or Bounds()
        self._clock = clock or SystemClock()
        self._workshop: Workshop | None = None
        self._arrival = Arrival()
        self._workers: dict[_Key, Worker] = {}
        self._providers: dict[str, OnePlugin] = {}
        self._checks: dict[str, _Checks] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping = asyncio.Lock()
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        """Since when, and how many events, by organisation and plugin."""
        self.publish: Publish | None = None
        """Where events go; set by who builds the engine."""

    def providers(self) -> tuple[OnePlugin, ...]:
        """The enabled plugins, for the registry."""
        return tuple(self._providers.values())

    def expect(self) -> None:
        """The services half comes up: who calls a plugin in the meantime waits."""
        self._arrival.expect()

    def open(self, workshop: Workshop) -> None:
        """From now on plugins can run."""
        self._workshop = workshop
        self._arrival.over()

    async def close(self) -> None:
        """Stop every guest; plugins cannot run any more."""
        self._workshop = None
        self._arrival.over()
        workers, self._workers = list(self._workers.values()), {}
        await asyncio.gather(*(each.stop() for each in workers), *self._tasks)

    async def read(self, reference: str) -> PluginManifest:
        """See PluginHost."""
        return await asyncio.to_thread(read_manifest, self._shop().modules, reference)

    async def prepare(self, manifest: PluginManifest) -> None:
        """See PluginHost. The module has a name of the plugin's from now on, so that no other build takes it away."""
        await self._launch(manifest)
        modules = self._shop().modules
        async with self._keeping:
            await asyncio.to_thread(modules.tag, manifest.digest, _kept_name(manifest))

    def trust(self, manifest: PluginManifest, signature: Signature | None) -> None:
        """See PluginHost. Without trusted keys nothing is asked."""
        if self._keys:
            check_signature(self._keys, manifest.digest, signature)

    def hold(self, plugins: Iterable[EnabledPlugin]) -> None:
        """See PluginHost. Guests of what is not enabled any more, or was granted otherwise, are stopped."""
        found: dict[str, OnePlugin] = {}
        keys: set[_Key] = set()
        for plugin in plugins:
            plugin_id = plugin.manifest.id
            known = self._providers.get(plugin_id)
            found[plugin_id] = known if known and known.plugin == plugin else OnePlugin(plugin, self._carry)
            keys |= {(each, plugin.manifest.digest, hosts) for each, hosts in plugin.granted.items()}
        still = {each.plugin.manifest.digest for each in found.values()}
        for each in self._providers.values():
            if each.plugin.manifest.digest not in still and self._workshop is not None:
                self._own(self._let_go(each.plugin.manifest, self._workshop.modules))
        self._providers = found
        self._checks = {digest: each for digest, each in self._checks.items() if any(key[1] == digest for key in keys)}
        for key in self._workers.keys() - keys:
            self._own(self._workers.pop(key).stop())

    async def _let_go(self, manifest: PluginManifest, modules: ModuleStore) -> None:
        async with self._keeping:
            try:
                await asyncio.to_thread(modules.remove, _kept_name(manifest))
            except FabricError as error:
                _log.warning("plugin_module_not_let_go", plugin=manifest.id, code=error.code, reason=error.message)

    def log_of(self, organisation_id: str, plugin_id: str) -> str:
        """See PluginHost."""
        known = self._providers.get(plugin_id)
        if known is None:
            return ""
        digest = known.plugin.manifest.digest
        return "".join(worker.log for key, worker in self._workers.items() if key[:2] == (organisation_id, digest))

    def worker_of(self, organisation_id: str, plugin_id: str) -> Worker | None:
        """The organisation's worker of that plugin, if it has called it."""
        digest = self._providers[plugin_id].plugin.manifest.digest
        return next((each for key, each in self._workers.items() if key[:2] == (organisation_id, digest)), None)

    async def _carry(self, plugin: EnabledPlugin, operation: Operation, params: dict[str, Json], call: Call) -> Json:
        manifest = plugin.manifest
        if operation.write:
            raise Forbidden("PLUGIN_WRITE_FORBIDDEN", f"`{operation.id}` is a plugin's write; only native ones write.")
        hosts = plugin.granted.get(call.organisation_id)
        if hosts is None:
            raise Forbidden(
                "PLUGIN_NOT_ENABLED",
                f"Plugin `{manifest.id}` is not enabled in this organisation.",
                hint="An administrator enables it: `fabric plugin enable`.",
            )
        checks = self._checks_of(manifest)
        body = _checked(operation, params, checks.inputs[operation.id])
        name = operation.id.rpartition(".")[2]
        request = encode_request(
            b"POST", f"/operations/{name}".encode(), [(b"content-type", b"application/json")], body
        )
        until = min(call.deadline, asyncio.get_running_loop().time() + self._bounds.seconds)
        if self._workshop is None:
            await self._arrival.wait(_left(until))
        worker = self._worker(manifest, call.organisation_id, hosts)
        message = await worker.ask(request, _left(until))
        output, raised = read_answer(manifest.id, operation.id, message, checks.outputs[operation.id], checks.payloads)
        self._count(manifest.id, len(raised), call.organisation_id)
        await self._emit(raised, call)
        return output

    def _count(self, plugin_id: str, events: int, organisation_id: str) -> None:
        """Count events before they are emitted. Raises TooMany PLUGIN_EVENT_RATE, and then none is."""
        if not events:
            return
        now, key = asyncio.get_running_loop().time(), (organisation_id, plugin_id)
        since, told = self._told.get(key, (now, 0))
        if now - since >= MINUTE:
            since, told = now, 0
        if told + events > self._bounds.events:
            raise TooMany(
                "PLUGIN_EVENT_RATE",
                f"Plugin `{plugin_id}` emits more than {self._bounds.events} events a minute.",
                hint="Look whether its events fire Connections that call it again.",
                retry_after=max(1.0, since + MINUTE - now),
            )
        self._told[key] = (since, told + events)

    async def _emit(self, raised: tuple[Raised, ...], call: Call) -> None:
        """Hand the events over; a repeat of the same step tells the same events, not others."""
        if not raised:
            return
        if self.publish is None:
            raise Unavailable("PLUGINS_UNAVAILABLE", "No engine takes this plugin's events.")
        for number, each in enumerate(raised):
            event = Event(
                id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{call.operation_id}/{call.delivery_id}/{number}")),
                organisation_id=call.organisation_id,
                type=each.type,
                payload=each.payload,
                time=self._clock.now_ns() / 1e9,
                depth=call.depth + 1,
                cause=call.run_id or None,
            )
            await self.publish(event)

    def _checks_of(self, manifest: PluginManifest) -> _Checks:
        found = self._checks.get(manifest.digest)
        if found is None:
            found = self._checks[manifest.digest] = _Checks(
                {each.id: Validity(each.input_schema) for each in manifest.operations},
                {each.id: Validity(each.output_schema) for each in manifest.operations},
                {each.event_type: Validity(each.payload_schema) for each in manifest.events},
            )
        return found

    def _worker(self, manifest: PluginManifest, organisation_id: str, hosts: frozenset[str]) -> Worker:
        self._shop()
        key = (organisation_id, manifest.digest, hosts)
        found = self._workers.get(key)
        if found is None:
            self._make_room()

            async def start(worker: Worker) -> Replica:
                return await self._start(manifest, hosts, worker)

            found = self._workers[key] = Worker(start, idle=self._bounds.idle)
        return found

    def _make_room(self) -> None:
        """Take away the worker that was idle longest where there are enough."""
        if len(self._workers) < self._bounds.workers:
            return
        idle = [(each.used_at, key) for key, each in self._workers.items() if not each.pending]
        if not idle:
            raise TooMany("PLUGIN_BUSY", "Too many plugins work at this moment.", hint="Try again later.")
        self._own(self._workers.pop(min(idle, key=lambda each: each[0])[1]).stop())

    async def _start(self, manifest: PluginManifest, hosts: frozenset[str], worker: Worker) -> Replica:
        launch = await self._launch(manifest)
        shop = self._shop()
        outgoing = granted_only(shop.http, hosts, self._bounds.seconds) if launch.http_request else None
        return await shop.launcher.launch(launch, output=worker.hear, outgoing=outgoing, timeout=self._bounds.seconds)

    async def _launch(self, manifest: PluginManifest) -> Launch:
        """Its module compiled, and what its worker is told: no environment, no files but an interpreter's own."""
        shop = self._shop()
        try:
            module = await asyncio.to_thread(shop.modules.resolve, manifest.digest)
        except NotFound:
            raise NotFound(
                "MODULE_NOT_FOUND",
                f"The module that plugin `{manifest.id}` was added from is not there any more.",
                hint=f"`fabric plugin add {manifest.reference}` takes the one that has its name now.",
            ) from None
        compiled = await shop.compiler.compile(module.wasm, module.wasm_digest)
        abi = detect_abi(module, compiled)
        if abi not in WARM:
            raise Invalid(
                "PLUGIN_KIND",
                f"The guest of plugin `{manifest.id}` is of kind `{abi}`; a plugin's is a warm reactor or framed.",
                hint="See docs/plugins.md.",
            )
        wanted = module.fabrickfile.config.resources.memory or MEMORY
        return Launch(
            service=f"plugin-{manifest.id}",
            instance=manifest.id,
            abi=abi,
            compiled=compiled.path,
            argv=module.argv or (manifest.id,),
            mounts=module.mounts,
            memory=min(wanted, MEMORY_MOST),
            http_request=bool(manifest.hosts),
            seccomp=shop.seccomp,
            user=shop.user,
            start_time=START_SECONDS,
        )

    def _shop(self) -> Workshop:
        if self._workshop is None:
            raise Unavailable(
                "PLUGINS_UNAVAILABLE",
                "Plugins run on the services daemon, and none runs in this process.",
                hint="Start the server with its services half, or wait until it is up.",
            )
        return self._workshop

    def _own(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _kept_name(manifest: PluginManifest) -> str:
    return f"{KEPT}/{manifest.id}@{manifest.digest}"


def _left(until: float) -> float:
    return max(0.001, until - asyncio.get_running_loop().time())


def _checked(operation: Operation, params: dict[str, Json], validity: Validity) -> bytes:
    """The parameters as JSON. Raises TooLarge PARAM_TOO_LARGE, Invalid PARAM_SCHEMA."""
    body = compact(params)
    if len(body) > ANSWER_MOST or not validity.affordable(body):
        raise TooLarge("PARAM_TOO_LARGE", f"The parameters of `{operation.id}` are over {ANSWER_MOST} bytes.")
    if not validity.holds(params):
        raise Invalid(
            "PARAM_SCHEMA",
            f"The parameters do not fit the input schema of `{operation.id}`.",
            hint=f"`fabric catalog show --live {operation.id}` prints it.",
        )
    return body
