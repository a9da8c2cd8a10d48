"""The workers' side. Everything here runs in processes of its own; the daemon imports none of it.

zygote.py     the process that all workers are forked from
worker.py     one worker from its fork to its end: descriptors, limits, walls, threads
turns.py      which request is being carried out, and how it is interrupted
requests.py   the socket on which requests come and answers go
serving.py    the loop of guests that answer requests
reactor.py cgi.py component.py   the guests that answer requests
framed.py command.py tcp.py      the guests that have pipes
bindings.py fast.py plain.py     two ways to call into wasmtime; fast.py holds everything private
engines.py wasi.py traps.py      wasmtime's engine, WASI and traps as we want them
limits.py seccomp.py landlock.py the walls
"""
