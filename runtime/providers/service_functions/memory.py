"""Memory: what services exported when this process was last up, so that Connections know it before they run again."""

from pathlib import Path

import msgspec
import structlog

from runtime.providers.service_functions.source import Offer

_log = structlog.get_logger()


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation whose services these are, and what each exports."""

    organisation_id: str = ""
    offers: tuple[Offer, ...] = ()


class Memory:
    """A file. It may be lost: services say again what they export as soon as they run."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> Remembered:
        """What was written last; nothing where there is nothing that can be read."""
        if self._path is None:
            return Remembered()
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("service_functions_forgotten", file=str(self._path), why=str(error))
            return Remembered()

    def write(self, remembered: Remembered) -> None:
        """Take it down. A disk that refuses is told of in the log."""
        if self._path is None:
            return
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_bytes(msgspec.json.encode(remembered))
            draft.replace(self._path)
        except OSError as error:
            _log.warning("service_functions_not_kept", file=str(self._path), why=str(error))
