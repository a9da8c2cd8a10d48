"""An RTSP server, run by the system's own Python, which has GStreamer: `stream_program.py`.

The first line of its standard input is its job, JSON: `port`, `mounts` (path → pipeline) and, where wanted, `user`,
`password`, `method` and `certificate` (PEM). Prints `ready PORT`, and ends when its standard input does.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - only after require_version

ROLE = "viewer"


def main() -> None:
    """Serve until standard input ends."""
    job = json.loads(sys.stdin.readline())
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(job["port"]))
    if "user" in job or "certificate" in job:
        server.set_auth(_auth(job))
    for path, pipeline in job["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {pipeline} )")
        factory.set_shared(True)
        if "user" in job or "certificate" in job:
            factory.set_permissions(_permissions())
        server.get_mount_points().add_factory(path, factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    GLib.idle_add(lambda: print(f"ready {server.get_bound_port()}", flush=True))
    loop.run()


def _auth(job: dict[str, str]) -> "GstRtspServer.RTSPAuth":
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    if "certificate" in job:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_pem(job["certificate"], -1))
    if "user" not in job:
        auth.set_default_token(token)
        return auth
    if job["method"] == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(job["user"], job["password"], token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(job["user"], job["password"]), token)
    return auth


def _permissions() -> "GstRtspServer.RTSPPermissions":
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role(ROLE)
    for each in ("access", "construct"):
        permissions.add_permission_for_role(ROLE, f"media.factory.{each}", True)
    return permissions


if __name__ == "__main__":
    main()
