"""Job: what an eye is to look at. Told: what it says of it. Between the two processes, and nowhere else."""

from typing import Literal

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A stream. `addresses` are the only ones that are connected to; `host` is for its certificate and its requests.

    `authorities` are the certificates (PEM) to trust; empty: the system's.
    """

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]
    username: str = ""
    password: str = ""
    authorities: str = ""

    def __repr__(self) -> str:
        return "Source()"


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked out for; see Watching for the meaning of each."""

    motion: bool
    person: bool
    sensitivity: int
    zones: dict[str, tuple[float, float, float, float]]
    min_interval_seconds: float
    frames_per_second: float


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`still`: one picture of the stream. `watch`: go on, by the stream or by pictures sent in.

    Without `source`, a watch is given pictures one by one and says `looked` after each; with it, every few seconds.
    """

    kind: Literal["still", "watch"]
    source: Source | None = None
    attention: Attention | None = None
    seconds: float = 30.0


Reason = Literal[
    "unreachable",
    "certificate",
    "hung_up",
    "silent",
    "not_rtsp",
    "redirect",
    "login",
    "login_wanted",
    "forbidden",
    "no_stream",
    "status",
    "no_video",
    "broken",
    "bug",
]
"""Why a stream cannot be looked at. A word and not a text: what a stranger sent never becomes a message."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """`still`, `motion`, `person`, `looked` or `failed`; a picture comes along with the first three.

    `at` is when the picture was seen, in seconds since 1970 UTC. `confidence` is from 0 to 1. `detail` is a bug's own
    words and nothing that came over the network.
    """

    kind: Literal["still", "motion", "person", "looked", "failed"]
    width: int = 0
    height: int = 0
    at: float = 0.0
    confidence: float = 0.0
    zone: str | None = None
    reason: Reason | None = None
    status: int = 0
    detail: str = ""


class Unseen(Exception):
    """The stream cannot be looked at."""

    def __init__(self, reason: Reason, status: int = 0) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.status = status
