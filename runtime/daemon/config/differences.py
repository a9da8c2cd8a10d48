"""Differences: what a reload changes, as it is told."""

import msgspec

from catalog.jsonvalue import Json
from runtime.daemon.config.keys import Key, all_keys
from runtime.daemon.config.settings import DaemonConfig


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that has another value; `restart`: it takes effect only then. Values are printed; secrets are not."""

    key: str
    old: str
    new: str
    restart: bool

    def __str__(self) -> str:
        return f"{self.key}: {self.old} -> {self.new}" + (" (restart required)" if self.restart else "")


def value_of(config: DaemonConfig, key: Key) -> Json:
    """A setting's value."""
    return getattr(getattr(config, key.section), key.name)


def differences(old: DaemonConfig, new: DaemonConfig) -> list[Difference]:
    """Every setting that differs, in the order of the sample file."""
    found = [_difference(each, old, new) for each in all_keys() if value_of(old, each) != value_of(new, each)]
    if old.volume_key != new.volume_key:
        found.append(
            Difference(
                key="FABRICKS_VOLUME_KEY", old=_secret(old.volume_key), new=_secret(new.volume_key), restart=True
            )
        )
    return found


def _difference(key: Key, old: DaemonConfig, new: DaemonConfig) -> Difference:
    before, after = key.printed(value_of(old, key)), key.printed(value_of(new, key))
    if before == after:
        after = "(another)"
    return Difference(key=key.name, old=before, new=after, restart=not key.hot)


def _secret(key: bytes | None) -> str:
    return "(none)" if key is None else "(set)"


def merged(old: DaemonConfig, new: DaemonConfig) -> DaemonConfig:
    """`old` with what of `new` takes effect without a restart: what is in force after a reload."""
    sections: dict[str, dict[str, Json]] = {}
    for key in all_keys():
        if key.hot:
            sections.setdefault(key.section, {})[key.name] = value_of(new, key)
    return msgspec.structs.replace(
        old, **{name: msgspec.structs.replace(getattr(old, name), **fields) for name, fields in sections.items()}
    )
