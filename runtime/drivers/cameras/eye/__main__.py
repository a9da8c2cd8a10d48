"""`python -m runtime.drivers.cameras.eye PARENT [warm]`: takes one job, tells of it, ends."""

import sys
from types import TracebackType

import msgspec

from runtime.drivers.cameras.eye.bounds import bind
from runtime.drivers.cameras.eye.framing import framed, read_framed
from runtime.drivers.cameras.eye.job import Job, Told, Unseen
from runtime.drivers.cameras.eye.work import warm_up, work


def main() -> None:
    """Do one job. Its parent ends it when it is no longer wanted."""
    bind(int(sys.argv[1]))
    sys.excepthook = _bug
    if "warm" in sys.argv:
        warm_up()
    sent = read_framed(sys.stdin.buffer)
    if sent is None:
        return
    try:
        work(msgspec.json.decode(sent[0], type=Job), sys.stdin.buffer, _tell)
    except Unseen as unseen:
        _tell(Told(kind="failed", reason=unseen.reason, status=unseen.status))


def _tell(told: Told, picture: bytes = b"") -> None:
    sys.stdout.buffer.write(framed(msgspec.json.encode(told), picture))
    sys.stdout.buffer.flush()


def _bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say where it happened and no more: what is in the error may have come over the network."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
    _tell(Told(kind="failed", reason="bug", detail=f"{kind.__name__} at {where}"))


if __name__ == "__main__":
    main()
