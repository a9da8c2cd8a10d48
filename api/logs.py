"""Logs: structlog to stderr, as JSON or for a terminal, with whatever looks like a credential blotted out."""

import logging
import re
import sys
from collections.abc import MutableMapping

import msgspec
import structlog
from structlog.typing import Processor

from catalog.jsonvalue import Json

_CREDENTIAL = re.compile(r"fab[tk]_[A-Za-z0-9_-]{8,}|whsec_[A-Za-z0-9+/=_-]{8,}|(?i:bearer)\s+[A-Za-z0-9._~+/-]{8,}=*")
BLOT = "[secret]"


def configure_logs(level: str, form: str) -> None:
    """Set up logging for this process: `level` as the setting has it; `form` is `json`, `text` or `auto`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            blot,
            _renderer(form),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def blot(_logger: object, _method: str, entry: MutableMapping[str, Json]) -> MutableMapping[str, Json]:
    """A processor: no credential of ours reaches a log, wherever it came from."""
    for name, value in entry.items():
        entry[name] = _blotted(value)
    return entry


def _blotted(value: Json) -> Json:
    if isinstance(value, str):
        return _CREDENTIAL.sub(BLOT, value)
    if isinstance(value, dict):
        return {key: _blotted(each) for key, each in value.items()}
    return [_blotted(each) for each in value] if isinstance(value, list | tuple) else value


def _renderer(form: str) -> Processor:
    if form == "json" or (form == "auto" and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer(serializer=_dump)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _dump(entry: object, **_: object) -> str:
    return msgspec.json.encode(entry, enc_hook=str).decode()
