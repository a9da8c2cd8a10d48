"""The services API: what the daemon answers under /v1 on its Unix socket and, if configured, over TCP.

endpoint.py   one route as data, and what a handler is given
envelope.py   the shape of every answer: {status, data} or {status, error}
answering.py  the way of one request; decoding.py its query and body; timing.py how it is counted
app.py        the Sanic application; routes.py the list of routes
door.py       the daemon as it is asked: socket, keys, streams, start and stop
One file for each kind of thing: services, health, networks, volumes, mortar, modules, events, daemon.
"""
