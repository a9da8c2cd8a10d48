"""The watches. To add one: one file, one entry here, one peer to test it against."""

from runtime.pollers.backups import BackupPoll
from runtime.pollers.camera_snapshots import CameraSnapshots
from runtime.pollers.devices import DevicePoll
from runtime.pollers.gateways import AlertFollow, GatewayPoll
from runtime.pollers.networks import VLANS, WIFIS
from runtime.pollers.pools import PoolPoll
from runtime.pollers.sightings import Sightings
from runtime.pollers.watch import Follow, Poll

POLLS: tuple[Poll, ...] = (DevicePoll(), VLANS, WIFIS, PoolPoll(), CameraSnapshots(), GatewayPoll(), BackupPoll())
"""What is looked for again and again."""

FOLLOWS: tuple[Follow, ...] = (Sightings(), AlertFollow())
"""What stays with a controller."""
