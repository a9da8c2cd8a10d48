"""The workers' side. Everything here runs in processes of its own; the daemon imports none of it.

zygote.py     the process that all workers are forked from
probe.py      are the fast bindings right? Tried in a fork of it
worker.py     one worker from its fork to its end: descriptors, limits, walls, threads
identity.py limits.py landlock.py seccomp.py syscalls.py  who it is, what it may use, what it may not touch
situation.py  what the guest's thread works with
turns.py      which request is being carried out, and how it is interrupted
requests.py shared_http.py  the socket on which requests come and answers go
serving.py    the loop of guests that answer requests, as answering.py describes them
reactor.py cgi.py component.py  those guests; cgi_* and component_* are their parts
framed.py command.py tcp.py  the guests that have pipes
prepared.py wasi.py engines.py traps.py  wasmtime's linkers, WASI, engines and traps as we want them
bindings.py fast.py plain.py  two ways to call into wasmtime; fast.py holds what is private for core modules
"""
