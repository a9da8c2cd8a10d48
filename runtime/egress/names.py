"""Host names that are refused before DNS is asked: they mean a machine near us whatever DNS would say."""

from catalog.urls import Refused

EXACT = frozenset(
    {
        "instance-data",
        "ip6-localhost",
        "ip6-loopback",
        "kubernetes.default.svc",
        "localhost",
        "localhost.localdomain",
        "metadata",
        "metadata.goog",
        "metadata.google.internal",
    }
)

SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".localdomain",
    ".home.arpa",
    ".lan",
    ".intranet",
    ".corp",
    ".home",
    ".svc.cluster.local",
)


def check_name(host: str) -> None:
    """Refuse a special-use or single-label name. Raises Refused SSRF_NAME, SSRF_SINGLE_LABEL."""
    if host in EXACT or host.endswith(SUFFIXES):
        raise Refused("SSRF_NAME", "The URL's host is a name of a local network.", hint=LISTING)
    if "." not in host:
        raise Refused("SSRF_SINGLE_LABEL", "The URL's host is a name without a domain.", hint=LISTING)


LISTING = "An operator may list it in `FABRIC_WEBHOOK_ALLOWED_HOSTS`."
