"""Kept: modules as they are now, held on to while others may take their names, so that they can have them back.

Blocks on the disk: call it in a thread. What is held costs no space, and nothing of it is left after a crash.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial

import msgspec

from catalog.errors import NotFound
from runtime.wasm.modules.media_types import REF_NAME
from runtime.wasm.modules.staging import Staging
from runtime.wasm.modules.store import ModuleStore


class _Before(msgspec.Struct, frozen=True):
    name: str
    digest: str
    content: bytes
    blobs: tuple[str, ...]


class Kept:
    """Modules held. `let_go` ends it."""

    def __init__(self, store: ModuleStore) -> None:
        self._store = store
        self._stack = ExitStack()
        self._place: Staging | None = None
        self._before: list[_Before] = []

    def keep(self, references: Iterable[str]) -> None:
        """Hold on to the modules of these names; a name that is nobody's yet is passed over. Raises Unavailable."""
        for reference in references:
            try:
                stored = self._store.read(reference)
            except NotFound:
                continue
            if self._place is None:
                self._place = self._stack.enter_context(self._store.layout.staging())
            blobs = tuple(each.hex for each in stored.manifest.blobs)
            if all(self._place.link(self._store.layout.blob(each), each) for each in blobs):
                name = stored.entry.annotations.get(REF_NAME, reference)
                content = self._store.layout.read(stored.entry)
                self._before.append(_Before(name, stored.entry.digest, content, blobs))

    def put_back(self) -> list[str]:
        """Give names that are another module's now back to those that had them; tells which. Raises FabricError."""
        back = []
        for before in self._before:
            now = self._store.find(before.name)
            if now is None or now.digest != before.digest:
                self._store.add(partial(self._gather, before), before.name)
                back.append(before.name)
        return back

    def _gather(self, before: _Before, place: Staging) -> bytes:
        for each in before.blobs:
            if self._place is not None:
                place.link(self._place.folder / each, each)
        return before.content

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._before.clear()
        self._place = None
        self._stack.close()
