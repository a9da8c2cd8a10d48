"""Snapshots: what can be kept of a machine, and how libvirt is told to. Every function that is given a domain blocks.

Inside a disk's own file only qcow2 keeps one, and with it the memory of a machine that runs. A machine that runs can be
kept without its memory only by a new file over each disk; libvirt knows no third way.
"""

import xml.etree.ElementTree as ET

import libvirt
import msgspec

from catalog.errors import TargetFailed
from catalog.provider import Target
from runtime.drivers.failures import refused
from runtime.drivers.hypervisor.face import Taking

QCOW2 = "qcow2"


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """A disk that can be written: its name in the machine (`vda`), its file's format, and where it is kept."""

    name: str
    format: str
    kind: str


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What matters for a snapshot of a machine's description."""

    name: str
    disks: tuple[Disk, ...]
    others: tuple[str, ...]
    flash: bool
    imagined: bool


def layout_of(description: str) -> Layout:
    """Read libvirt's description of a domain."""
    # Expat has bounded what entities may grow to since 2.4.1, and libvirt bounds the text.
    root = ET.fromstring(description)  # noqa: S314
    found = [(each, _disk(each)) for each in root.iterfind("devices/disk")]
    return Layout(
        name=root.findtext("name", ""),
        disks=tuple(disk for each, disk in found if _kept(each)),
        others=tuple(disk.name for each, disk in found if not _kept(each)),
        flash=root.find("os/loader[@type='pflash']") is not None or root.find("os[@firmware='efi']") is not None,
        imagined=root.get("type") == "test",
    )


def way_of(target: Target, layout: Layout, *, active: bool, memory: bool) -> Taking:
    """How a snapshot of it is taken, now that it runs or not. Raises TargetFailed TARGET_REFUSED where it cannot be."""
    names = tuple(disk.name for disk in layout.disks)
    inside = _why_not_inside(layout)
    keeps_memory = memory and active
    if not names:
        if keeps_memory and layout.imagined:
            return Taking(keeping="internal", memory=True, disks=())
        raise _cannot(target, layout, "it has no disk that can be written", "A snapshot is kept in disks.")
    if inside is None and (keeps_memory or not active):
        return Taking(keeping="internal", memory=keeps_memory, disks=names)
    if keeps_memory:
        raise _cannot(target, layout, f"its memory cannot be kept: {inside}", "Leave `include_memory` out.")
    elsewhere = next((disk for disk in layout.disks if disk.kind != "file"), None)
    if elsewhere is not None:
        hint = (
            "Keep it with its memory: `include_memory: true`." if inside is None else "Use the storage's own snapshots."
        )
        raise _cannot(target, layout, f"its disk `{elsewhere.name}` is no file that a new one could be laid over", hint)
    return Taking(keeping="external", memory=False, disks=names)


def described(name: str, key: str, taking: Taking, others: tuple[str, ...]) -> str:
    """The snapshot as libvirt wants it described."""
    root = ET.Element("domainsnapshot")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "description").text = _mark(key)
    if taking.disks or others:
        disks = ET.SubElement(root, "disks")
        for disk in taking.disks:
            ET.SubElement(disks, "disk", name=disk, snapshot=taking.keeping)
        for disk in others:
            ET.SubElement(disks, "disk", name=disk, snapshot="no")
    return ET.tostring(root, encoding="unicode")


def flags_of(taking: Taking) -> int:
    """libvirt's flags for it."""
    if taking.keeping == "internal":
        return 0
    return int(libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC)


def find_taken(domain: libvirt.virDomain, name: str, key: str) -> bool | None:
    """Has it a snapshot of that name? None: it has not; True: `key` took it; False: somebody else did."""
    try:
        taken = domain.snapshotLookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT:
            return None
        raise
    root = ET.fromstring(str(taken.getXMLDesc()))  # noqa: S314 - as above
    return root.findtext("description") == _mark(key)


def _mark(key: str) -> str:
    return f"Fabric change {key}"


def _disk(each: ET.Element) -> Disk:
    target, driver = each.find("target"), each.find("driver")
    return Disk(
        name="" if target is None else target.get("dev", ""),
        format="raw" if driver is None else driver.get("type", "raw"),
        kind=each.get("type", ""),
    )


def _kept(each: ET.Element) -> bool:
    return each.get("device", "disk") == "disk" and each.find("readonly") is None and each.get("snapshot") != "no"


def _why_not_inside(layout: Layout) -> str | None:
    if layout.flash:
        return "libvirt keeps nothing inside the disks of a machine with UEFI firmware"
    foreign = next((disk for disk in layout.disks if disk.format != QCOW2), None)
    return None if foreign is None else f"its disk `{foreign.name}` is {foreign.format}, and only {QCOW2} holds it"


def _cannot(target: Target, layout: Layout, reason: str, hint: str) -> TargetFailed:
    return refused(target, f"no such snapshot of `{layout.name}` can be taken, {reason}", hint)
