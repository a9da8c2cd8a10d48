"""Cameras: stills, and what cameras see."""

from runtime.providers.cameras import list as listing
from runtime.providers.cameras import snapshot
from runtime.providers.cameras.events import EVENTS
from runtime.providers.native import NativeProvider

CAMERAS = NativeProvider(snapshot.operations, listing.operations, events=EVENTS)
