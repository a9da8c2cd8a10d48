"""Environment: FABRICKS_<SECTION>_<KEY> for every setting, and short names for those that are set most."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from catalog.catalog import nearest
from runtime.daemon.config.keys import Key, all_keys
from runtime.daemon.config.problems import Problems

SHORT = {
    "FABRICKS_SOCKET": "daemon.socket",
    "FABRICKS_LOG_LEVEL": "daemon.log_level",
    "FABRICKS_DATA_DIR": "daemon.data_dir",
    "FABRICKS_API_KEY": "api.api_key",
}
VOLUME_KEY = "FABRICKS_VOLUME_KEY"
OTHERS = (VOLUME_KEY, "FABRICKS_REGISTRY", "FABRICKS_REGISTRY_USER", "FABRICKS_REGISTRY_PASSWORD")
"""Variables that are no settings and are looked at elsewhere."""


def variable(key: Key) -> str:
    """The long name of a setting's variable."""
    return f"FABRICKS_{key.section}_{key.name}".upper()


def given(environment: Mapping[str, str], problems: Problems) -> Iterator[tuple[Key, str, str]]:
    """Settings that variables have, each with its variable; a short name goes before the long one. Warns of others."""
    keys = {each.dotted: each for each in all_keys()}
    names = {variable(each): each for each in all_keys()} | {name: keys[dotted] for name, dotted in SHORT.items()}
    for name in sorted(each for each in environment if each.startswith("FABRICKS_")):
        if name not in names and name not in OTHERS:
            near = nearest(name, [*names, *OTHERS])
            problems.warnings.append(f"`{name}` is not a setting." + (f" Did you mean `{near}`?" if near else ""))
    for name, key in names.items():
        if environment.get(name):
            yield key, environment[name], name


def volume_key(environment: Mapping[str, str], problems: Problems) -> bytes | None:
    """The key of volumes at rest: 32 bytes as 64 hexadecimal digits, or as Base64."""
    text = environment.get(VOLUME_KEY, "").strip()
    if not text:
        return None
    try:
        key = bytes.fromhex(text) if re.fullmatch("[0-9a-fA-F]{64}", text) else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        form = "32 bytes as 64 hexadecimal digits or as Base64, such as `openssl rand -hex 32` makes"
        problems.wrong(VOLUME_KEY, "environment", form)
        return None
    return key
