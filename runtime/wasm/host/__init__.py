"""The daemon's side of the workers. Everything runs on its loop, nothing waits, and nothing imports wasmtime.

launcher.py         ZygoteLauncher: starts workers, closes all of them
zygote_link.py      the zygote as the daemon sees it
worker_process.py   one worker as a process: signals, CPU time
replica.py          WorkerReplica: a worker's life and its end
ending.py failures.py  how an end is told; what is answered for a guest that does not
request_channel.py  requests and answers of guests that answer
framed_channel.py   the same through the pipes of a framed guest
gathering.py head_timer.py watcher.py  what both channels need: partial frames, the head's time, who is told
connections.py      what a tcp guest is given
outgoing_calls.py   guests' `fabric.http_request`s
control_socket.py   everything else that is said
output_pipe.py      what a guest prints, in bounded pieces
allowance.py        how much of something a guest may have done in a second
throttle.py         CPU shares
"""

from runtime.wasm.host.launcher import ZygoteLauncher

__all__ = ["ZygoteLauncher"]
