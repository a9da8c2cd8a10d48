"""/v1/daemon: the daemon itself: what it is, what it holds, its settings, its end."""

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery


async def daemon_info(asked: Asked[None, NoQuery]) -> Answer:
    """What this daemon is, since when it runs and where its files are."""
    return Answer(asked.daemon.info())


ENDPOINTS = (Endpoint(method="GET", path="/v1/daemon/info", handler=daemon_info, gives={200: dict}),)
