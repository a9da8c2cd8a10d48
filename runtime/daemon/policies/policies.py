"""Policies: those in force, from the files of `policy_dir` and from projects, and how they are kept to."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from catalog.errors import FabricError, Forbidden, Invalid
from runtime.daemon.events import EventBus
from runtime.daemon.policies.reading import read_policies
from runtime.daemon.policies.report import Report
from runtime.daemon.policies.rules import (
    Party,
    Policy,
    Violation,
    judge_connection,
    judge_service,
    service_party,
)
from runtime.daemon.spec import NetworkSpec, ServiceSpec
from runtime.forms.plain_file import open_plain
from runtime.forms.toml_text import read_toml

Mode = Literal["enforce", "audit", "disabled"]
_FILE_MOST = 1024 * 1024


def _nobody(name: str) -> str | None:
    return None


class Policies:
    """`enforce` refuses and says so, `audit` only says so, `disabled` asks nothing.

    `identify` gives a service's id for its name, for events.
    """

    def __init__(
        self,
        directory: Path | None,
        mode: Mode,
        events: EventBus,
        *,
        identify: Callable[[str], str | None] = _nobody,
    ) -> None:
        self._directory = directory
        self._mode: Mode = mode
        self._report = Report(events, self.id_of)
        self.identify = identify
        self._files: tuple[Policy, ...] = ()
        self._loaded = False
        self._projects: dict[str, tuple[Policy, ...]] = {}
        self._watchers: list[Callable[[], None]] = []

    @property
    def mode(self) -> Mode:
        """How they are kept to."""
        return self._mode

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called after every change, for verdicts that are remembered elsewhere."""
        self._watchers.append(changed)

    def set_mode(self, mode: Mode) -> None:
        """Keep to them otherwise from now on."""
        if mode != self._mode:
            self._mode = mode
            self._tell()

    def set_directory(self, directory: Path | None) -> None:
        """Read files from elsewhere, from the next `load` on."""
        self._directory = directory

    def load(self) -> list[str]:
        """Read the files again; blocks a little. What is wrong with them, nothing where all is well.

        Where something is wrong the last good set stays in force. At the first time there is none: then the good files
        are taken.
        """
        found, problems = read_directory(self._directory)
        if not problems or not self._loaded:
            self._files, self._loaded = found, True
            self._tell()
        return problems

    def put_project(self, name: str, policies: Iterable[Policy]) -> None:
        """A project's policies, in the place of those it had."""
        self._projects[name] = tuple(policies)
        self._tell()

    def remove_project(self, name: str) -> None:
        """A project's policies no longer hold."""
        if self._projects.pop(name, None) is not None:
            self._tell()

    def in_force(self) -> tuple[Policy, ...]:
        """Those in force: the files' first."""
        return (*self._files, *(each for policies in self._projects.values() for each in policies))

    def check_service(
        self, spec: ServiceSpec, networks: Sequence[NetworkSpec], dependencies: Sequence[ServiceSpec] = ()
    ) -> None:
        """Would this service violate something by the networks it is in or by what it depends on?

        `networks` are those of its networks that exist. Raises Forbidden FORBIDDEN.
        """
        if self._mode == "disabled":
            return
        party = service_party(spec, networks)
        known = {each.name: each for each in dependencies}
        others = [
            service_party(known[name], ()) if name in known else Party(label=name, names=frozenset({name}))
            for name in spec.depends_on
        ]
        for violation, other in judge_service(self.in_force(), party, others):
            self.tell(violation, spec.name, other)
            if violation.forbids and self._mode == "enforce":
                raise forbidden(violation, spec.name, other)

    def check_connection(self, source: Party, target: Party, scheme: str | None = None) -> list[Violation]:
        """What is against this connection, the weightiest first; nothing while policies are disabled.

        The caller refuses, and tells of it, as `mode` says.
        """
        if self._mode == "disabled":
            return []
        return judge_connection(self.in_force(), source, target, scheme)

    def tell(self, violation: Violation, source: str, target: str) -> None:
        """Say that something was violated."""
        self._report.tell(violation, source, target, self._mode)

    def id_of(self, name: str) -> str | None:
        """The id of the service of that name, None where there is none."""
        return self.identify(name)

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()


def forbidden(violation: Violation, source: str, target: str) -> Forbidden:
    """The refusal, as every door says it."""
    return Forbidden(
        "FORBIDDEN",
        f"Policy `{violation.policy}` forbids `{source}` to reach `{target}`: {violation.reason}."
        if violation.rule == "deny"
        else f"Policy `{violation.policy}` is not kept by `{source}`: {violation.reason}.",
        hint="Change the service or the policy.",
        details={
            "policy": violation.policy,
            "rule": violation.rule,
            "reason": violation.reason,
            "from": source,
            "to": target,
        },
    )


def read_directory(directory: Path | None) -> tuple[tuple[Policy, ...], list[str]]:
    """The policies of a directory's good `*.toml` files, and what is wrong with the others; blocks a little."""
    problems: list[str] = []
    found: dict[str, Policy] = {}
    for path in _paths(directory, problems):
        try:
            for policy in _read_file(path):
                if found.setdefault(policy.name, policy) is not policy:
                    problems.append(f"`{path.name}`: policy `{policy.name}` stands in another file too.")
        except FabricError as error:
            problems.append(f"`{path.name}`: {error.message}")
        except OSError as error:
            problems.append(f"`{path.name}`: {error.strerror}.")
    return tuple(found.values()), problems


def _paths(directory: Path | None, problems: list[str]) -> list[Path]:
    if directory is None:
        return []
    try:
        return sorted(each for each in directory.iterdir() if each.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"`{directory}`: {error.strerror}.")
        return []


def _read_file(path: Path) -> tuple[Policy, ...]:
    with open_plain(path) as file:
        data = file.read(_FILE_MOST + 1)
    if len(data) > _FILE_MOST:
        raise Invalid("INVALID_REQUEST", "The file is larger than 1 MiB.")
    try:
        document = read_toml(data.decode("utf-8"), name="It")
    except UnicodeDecodeError:
        raise Invalid("INVALID_REQUEST", "The file is not UTF-8.") from None
    for name in document:
        if name != "policy":
            raise Invalid("INVALID_REQUEST", f"`{name}` is no section of a policy file; write `[policy.NAME]`.")
    return read_policies(document.get("policy", {}))
