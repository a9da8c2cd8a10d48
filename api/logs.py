"""Logs: structlog as JSON or for a terminal, with whatever looks like a credential blotted out."""

import io
import logging
import re
import sys
import syslog
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import Processor

from catalog.errors import Unavailable
from catalog.jsonvalue import Json

_CREDENTIAL = re.compile(r"fab[akt]_[A-Za-z0-9_-]{8,}|whsec_[A-Za-z0-9+/=_-]{8,}|(?i:bearer)\s+[A-Za-z0-9._~+/-]{8,}=*")
BLOT = "[secret]"
Output = Literal["stdout", "stderr", "file", "syslog"]

_METHODS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "exception": 40}
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logs(level: str, form: str, output: Output = "stderr", file: Path | None = None) -> None:
    """Set up logging for this process.

    `level` is trace, debug, info, warn or error (`set_level` changes it later); `form` is `json`, `text` or `auto`;
    `file` is what `output` "file" appends to. Where there is no syslog the log goes to stderr. Raises Unavailable
    LOG_UNWRITABLE.
    """
    set_level(level)
    logging.basicConfig(level=max(_threshold.number, logging.WARNING), format="%(levelname)s %(name)s %(message)s")
    stream = cast(TextIO, _Unfailing(_stream(output, file)))
    structlog.configure(
        processors=[
            _threshold,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            blot,
            _renderer(form, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def set_level(level: str) -> None:
    """Log this and what is more severe, from now on."""
    _threshold.number = _LEVELS[level]


class _Threshold:
    """The first processor. Loggers are bound once and for good, so that their level cannot be theirs."""

    def __init__(self) -> None:
        self.number = logging.INFO

    def __call__(self, _logger: object, method: str, entry: MutableMapping[str, Json]) -> MutableMapping[str, Json]:
        if _METHODS.get(method, logging.CRITICAL) < self.number:
            raise structlog.DropEvent
        return entry


_threshold = _Threshold()


class _Unfailing(io.TextIOBase):
    """A stream that takes what it can: a full disk or a reader who went away must not end what is logged about."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


class _Syslog(io.TextIOBase):
    """The system's log as a stream: a line is a message."""

    def __init__(self) -> None:
        super().__init__()
        syslog.openlog("fabricksd", syslog.LOG_PID, syslog.LOG_DAEMON)

    def write(self, text: str) -> int:
        if text.strip():
            syslog.syslog(syslog.LOG_INFO, text.rstrip("\n"))
        return len(text)


def _stream(output: Output, file: Path | None) -> TextIO:
    if output == "syslog" and Path("/dev/log").exists():
        return cast(TextIO, _Syslog())
    if output != "file" or file is None:
        return sys.stdout if output == "stdout" else sys.stderr
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        hint = "Set `log_file` to a place that you may write, or `log_output` to stderr."
        raise Unavailable("LOG_UNWRITABLE", f"`{file}` cannot be written: {error.strerror}.", hint=hint) from None


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


def _renderer(form: str, stream: TextIO) -> Processor:
    if form == "json" or (form == "auto" and not stream.isatty()):
        return structlog.processors.JSONRenderer(serializer=_dump)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


def _dump(entry: object, **_: object) -> str:
    return msgspec.json.encode(entry, enc_hook=str).decode()
