"""An assistant that looks at a service and asks for its restart: a client of /mcp, by the official SDK.

    FABRIC_URL=http://127.0.0.1:8642 FABRIC_ASSISTANT_TOKEN=faba_… python assistant.py SERVICE

It can read, and it can ask. What it asks for waits until a person applies it. `pip install 'mcp>=2.3'` brings the SDK.
"""

import asyncio
import os
import sys
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

DAEMON = "fab00000-0000-4000-8000-000000000001"
"""The server's own services daemon; another one is named in the server's instructions."""


class Refused(Exception):
    """What the server answers to a call that it does not carry out: its code, its sentence and its hint."""


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers. Raises Refused."""
    result = await client.call_tool(tool, {"controller_id": DAEMON, **arguments})
    found: dict[str, Any] = dict(result.structured_content or {})
    if result.is_error:
        raise Refused(f"{found['code']}: {found['message']} {found.get('hint') or ''}".strip())
    return found


async def look_and_ask(client: Client, service: str) -> str:
    """The id of the change that was staged. Raises Refused."""
    offered = {each.name for each in (await client.list_tools()).tools}
    print(f"tools: {', '.join(sorted(offered))}")
    found = await call(client, "services__get", service=service)
    print(f"service {found['name']}: {found['state']}, {found['health']}, {found['replicas']['running']} replicas run")
    log = await call(client, "services__logs", service=service, tail=5)
    print(f"log: {log['text']!r}")
    if "services__restart" not in offered:
        raise Refused("This token is offered no restart.")
    asked = await call(client, "services__restart", service=service)
    print(f"{asked['state']}: {asked['summary']}")
    return str(asked["change_id"])


async def main(service: str) -> int:
    """0 where the restart waits for a person."""
    headers = {"authorization": f"Bearer {os.environ['FABRIC_ASSISTANT_TOKEN']}"}
    url = f"{os.environ.get('FABRIC_URL', 'http://127.0.0.1:8642')}/mcp"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        try:
            change = await look_and_ask(client, service)
        except Refused as refused:
            print(refused)
            return 1
    print(f"a person decides: fabric changes apply {change}")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
