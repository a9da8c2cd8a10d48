"""Routes: the seal, under which credentials and secrets lie, and the rotation of its key."""

import asyncio

import msgspec

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.shown import moment, stamp
from api.fabric.tenancy_shapes import ShownRotation, ShownSeal
from engine.resealing import Resealing, Rotation
from engine.trials import WAIT_SECONDS

PREFIX = "/api/v1/fabric"


class RotateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to rotate. With `keep_old` the old keys go on opening what a backup from before brings back."""

    keep_old: bool = False


async def show_seal(asked: Asked[None, NoQuery]) -> Answer:
    """How many keys the seal opens with, and how the last rotation since the start went or goes."""
    return Answer(_shown(asked.application.resealing, asked.actor.organisation_id))


async def rotate_seal(asked: Asked[RotateBody, NoQuery]) -> Answer:
    """Give the seal a fresh key and put everything that is sealed under it, whosever it is, while the server runs.

    One that takes longer than 25 s is answered 202; `GET …/seal` says how far it is.
    """
    resealing = asked.application.resealing
    task = await resealing.begin(asked.actor, keep_old=asked.body.keep_old)
    done, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
    if done:
        task.result()
        return Answer(_shown(resealing, asked.actor.organisation_id))
    return Answer(_shown(resealing, asked.actor.organisation_id), 202, {"location": f"{PREFIX}/seal"})


def _shown(resealing: Resealing, organisation_id: str) -> ShownSeal:
    last = resealing.last
    rotation = None if last is None or last.organisation_id != organisation_id else _rotation(last)
    return ShownSeal(keys=resealing.keys, rotation=rotation)


def _rotation(last: Rotation) -> ShownRotation:
    state = "running" if last.ended_at is None else "done" if last.complete else "failed"
    return ShownRotation(
        state=state,
        keep_old=last.keep_old,
        rows=last.rows,
        rows_done=last.rows_done,
        moved=dict(last.moved.get(last.organisation_id, {})),
        unopened=dict(last.broken.get(last.organisation_id, {})),
        started_at=stamp(last.started_at),
        ended_at=moment(last.ended_at),
        code=last.error.code if last.error is not None else None,
        detail=last.error.message if last.error is not None else None,
    )
