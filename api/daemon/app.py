"""The Sanic application of the services API: made from its table of routes and hardened as the other door is."""

import re
import secrets

from sanic import Sanic

from api.app import allowed_methods
from api.daemon.answering import answering
from api.daemon.door import Door
from api.daemon.envelope import EnvelopeHandler
from api.daemon.peers import Peers
from api.daemon.routes import ENDPOINTS
from api.hardening import AnySanic, check_config, hard_config, harden


def make_app(door: Door, peers: Peers | None) -> AnySanic:
    """The application for one listener; `peers` None: whoever connects (TCP)."""
    app = Sanic(
        f"fabricks-{secrets.token_hex(4)}",
        config=hard_config(door.limits),
        error_handler=EnvelopeHandler(),
        configure_logging=False,
    )
    harden(app, door.limits)
    for number, endpoint in enumerate(ENDPOINTS):
        path = re.sub(r"\{(\w+)\}", r"<\1:str>", endpoint.path)
        path = re.sub(r"\{(\w+)\*\}", r"<\1:path>", path)
        handler, name = answering(endpoint, door), f"{endpoint.name}_{number}"
        app.add_route(handler, path, methods=endpoint.method.split(), name=name, stream=True, unquote=True)
    app.ctx.door = door
    app.ctx.peers = peers
    app.ctx.allowed = allowed_methods(app)
    check_config(app)
    return app
