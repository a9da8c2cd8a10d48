"""Reading: a ServiceSpec from the API's JSON or mortar's TOML, whose forms may be mixed.

`restart` is `restart_policy`; ports are `{host, container}`, `"8080:80"`, `"8080"` or a number; volumes a list of
`{source, target}`, of `"data:/data:ro"`, or a table `data = "/data"`; a health check has a `type` or is a nested table
`{http = {...}}`; replicas may be one number. Sizes and durations are texts or numbers.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from catalog.jsonvalue import Json
from runtime.daemon.spec import Port, Replicas, RestartPolicy, ServiceSpec, VolumeUse
from runtime.forms.fields import Fields, Problems, as_name
from runtime.forms.guest_paths import good_guest_path
from runtime.forms.workload import ModuleType
from runtime.forms.workload_reading import read_health_check, read_resources

SERVICE_FIELDS = tuple(ServiceSpec.__struct_fields__)
REPLICAS_MOST = 10_000
_ALIASES = ("restart",)
_POLICIES = ("always", "on-failure", "never")
_IMAGE_MOST = 512
_PORT_FORM = '`{"host": 8080, "container": 80}`, `"8080:80"` or `8080`, with ports from 1 to 65535'
_VOLUME_FORM = '`{"source": "data", "target": "/data"}` or `"data:/data"`, with a target that begins with `/`'


def read_service(document: Mapping[str, Json], *, where: str = "", besides: Iterable[str] = ()) -> ServiceSpec:
    """A service as wanted; `where` is the place of `document` in what its author wrote.

    `besides` are fields that the caller reads himself. Raises Invalid INVALID_REQUEST, which names every wrong field.
    """
    problems = Problems()
    fields = Fields(document, where, problems, (*SERVICE_FIELDS, *_ALIASES, *besides))
    spec = _service(fields)
    problems.check(f"service `{spec.name}`" if spec.name else "service")
    return spec


def _service(fields: Fields) -> ServiceSpec:
    fields.need("name", "a name such as `api`")
    fields.need("image", "a module such as `wasm://api:1.0.0`")
    environment = fields.table("environment", _good_variable, "the name of a variable, without `=`")
    name, kind = fields.name("name") or "", fields.choice("type", ("command", "http", "tcp"))
    spec = ServiceSpec(
        name=name,
        image=fields.text("image", f"a module's reference, at most {_IMAGE_MOST} long", _IMAGE_MOST) or "",
        type=cast(ModuleType | None, kind),
        networks=fields.names("networks"),
        environment=environment,
        secrets=tuple(dict.fromkeys(fields.texts("secrets"))),
        args=fields.texts("args"),
        ports=_ports(fields),
        volumes=_volumes(fields),
        files=fields.table("files", bool, "a path"),
        resources=read_resources(fields),
        replicas=_replicas(fields),
        health_check=read_health_check(fields),
        restart_policy=_restart_policy(fields, kind),
        labels=fields.table("labels", bool, "a text that is not empty"),
        depends_on=fields.names("depends_on"),
        no_capabilities=fields.flag("no_capabilities"),
        egress_locked=fields.flag("egress_locked"),
        project=fields.name("project"),
    )
    _check_together(fields, spec)
    return spec


def _check_together(fields: Fields, spec: ServiceSpec) -> None:
    if spec.name and spec.name in spec.depends_on:
        fields.problems.add(fields.place("depends_on"), f"names `{spec.name}` itself")
    for secret in spec.secrets:
        if fields.has("secrets") and secret not in spec.environment:
            fields.problems.add(fields.place("secrets"), f"names `{secret}`, which is not in `environment`")
    for target in spec.files.values():
        if not good_guest_path(target):
            fields.problems.add(fields.place("files"), "has a target that is not a plain path beginning with `/`")
    hosts = [each.host for each in spec.ports]
    if len(set(hosts)) != len(hosts):
        fields.problems.add(fields.place("ports"), "names a host port twice")
    targets = [each.target for each in spec.volumes]
    if len(set(targets)) != len(targets):
        fields.problems.add(fields.place("volumes"), "names a target twice")


def _good_variable(name: str) -> bool:
    return 0 < len(name) <= 256 and "=" not in name and "\0" not in name and name.isprintable()


def _ports(fields: Fields) -> tuple[Port, ...]:
    return fields.each("ports", _port, _PORT_FORM)


def _port(value: Json) -> Port | None:
    if isinstance(value, Mapping):
        if not value.keys() <= {"host", "container"}:
            return None
        host, container = value.get("host", value.get("container")), value.get("container", value.get("host"))
    elif isinstance(value, str):
        left, colon, right = value.partition(":")
        if not all(each.isascii() and each.isdigit() and len(each) <= 5 for each in (left, right or left)):
            return None
        if colon and not right:
            return None
        host, container = int(left), int(right or left)
    else:
        host = container = value
    if not (_is_port(host) and _is_port(container)):
        return None
    return Port(host=host, container=container)


def _is_port(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _volumes(fields: Fields) -> tuple[VolumeUse, ...]:
    value = fields.raw("volumes")
    if not isinstance(value, Mapping):
        return fields.each("volumes", _volume, _VOLUME_FORM)
    found = []
    for source, target in value.items():
        use = _volume({**target, "source": source} if isinstance(target, Mapping) else [source, target])
        if use is None:
            form = 'a volume\'s name with a target such as `"/data"` or `{"target": "/data", "read_only": true}`'
            fields.problems.add(f"{fields.place('volumes')}.{source}", f"must be {form}")
        else:
            found.append(use)
    return tuple(found)


def _volume(value: Json) -> VolumeUse | None:
    read_only: Json = False
    if isinstance(value, Mapping):
        if not value.keys() <= {"source", "target", "read_only"}:
            return None
        source, target, read_only = value.get("source"), value.get("target"), value.get("read_only", False)
    elif isinstance(value, str):
        source, _, rest = value.partition(":")
        target, _, mode = rest.partition(":")
        if mode not in ("", "ro", "rw"):
            return None
        read_only = mode == "ro"
    elif isinstance(value, list | tuple) and len(value) == 2:
        source, target = value
    else:
        return None
    name = as_name(source)
    if name is None or not isinstance(target, str) or not good_guest_path(target) or not isinstance(read_only, bool):
        return None
    return VolumeUse(source=name, target=target, read_only=read_only)


def _replicas(fields: Fields) -> Replicas:
    value = fields.raw("replicas")
    if value is None:
        return Replicas()
    if not isinstance(value, Mapping):
        count = fields.whole("replicas", 1, REPLICAS_MOST)
        return Replicas(min=count or 1)
    inner = Fields(value, fields.place("replicas"), fields.problems, Replicas.__struct_fields__)
    least, most = inner.whole("min", 1, REPLICAS_MOST) or 1, inner.whole("max", 1, REPLICAS_MOST)
    if most is not None and most < least:
        inner.wrong("max", f"at least `min`, which is {least}")
    return Replicas(
        min=least,
        max=most,
        cpu_threshold=inner.number("cpu_threshold", 0, 100),
        in_flight_threshold=inner.number("in_flight_threshold", 0, 1_000_000),
        scale_up_cooldown=inner.duration("scale_up_cooldown"),
        scale_down_cooldown=inner.duration("scale_down_cooldown"),
    )


def _restart_policy(fields: Fields, kind: str | None) -> RestartPolicy | None:
    name = "restart" if fields.has("restart") else "restart_policy"
    if fields.has("restart") and fields.has("restart_policy"):
        fields.problems.add(fields.place("restart"), "is the same as `restart_policy`: give one of the two")
    value = fields.raw(name)
    if value is None:
        return None
    if isinstance(value, str):
        word = fields.choice(name, _POLICIES)
        return RestartPolicy(policy=word or "always")  # type: ignore[arg-type]  # `choice` allows these alone
    inner = Fields(value, fields.place(name), fields.problems, RestartPolicy.__struct_fields__)
    policy = inner.choice("policy", _POLICIES) or ("on-failure" if kind == "command" else "always")
    return RestartPolicy(
        policy=policy,  # type: ignore[arg-type]  # `choice` allows these alone
        max_attempts=inner.whole("max_attempts", 1, 1_000_000),
        backoff=inner.duration("backoff") or 1.0,
    )
