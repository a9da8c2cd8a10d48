"""libvirt's own test driver: machines that a file describes and that live in the client, without a host."""

from pathlib import Path

from tests.modules.peers.versions import version_of

VERSION = f"libvirt {version_of('libvirt0')}"

_DOMAIN = """<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os>
  <test:runstate>{state}</test:runstate>
</domain>"""

NAS, MEDIA = "6a0b7c0e-1111-4a00-8000-000000000001", "6a0b7c0e-1111-4a00-8000-000000000002"


def two_machines(folder: Path) -> str:
    """The URI of a hypervisor with `media`, which is off, and `nas`, which runs. Each connection is one of its own."""
    described = (_DOMAIN.format(name="nas", uuid=NAS, state=1), _DOMAIN.format(name="media", uuid=MEDIA, state=5))
    file = folder / "machines.xml"
    file.write_text(f"<node>{''.join(described)}</node>")
    return f"test://{file}"
