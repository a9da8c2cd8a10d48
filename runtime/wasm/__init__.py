"""WASM: what turns a module into a running guest.

modules/   what a module is: references, the OCI store, Fabrickfiles, builds, registries
compile/   machine code made once, in a process of its own with limits
host/      the daemon's side: zygote and workers as objects; never imports wasmtime
guest/     the workers' side: zygote, worker and what hosts a guest; the only room that imports wasmtime, with compile/
messages.py  one HTTP request and its answer as a guest reads them
launch.py    what a worker is told, what it costs, how it ended
wire.py      what daemon, zygote and worker say to each other
settings.py  how wasmtime is configured, as data
lifeline.py  processes that do not outlive who started them
"""
