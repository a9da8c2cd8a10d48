"""Which snapshots can be taken of which machine, as libvirt describes it."""

import pytest

from catalog.errors import FabricError
from runtime.drivers.hypervisor.snapshots import described, layout_of, way_of
from tests.modules.asking import controller

TARGET = controller("libvirt")
QCOW2 = "<disk type='file' device='disk'><driver type='qcow2'/><target dev='vda'/></disk>"
RAW = "<disk type='file' device='disk'><driver type='raw'/><target dev='vdb'/></disk>"
VOLUME = "<disk type='block' device='disk'><driver type='raw'/><target dev='vdc'/></disk>"
CDROM = "<disk type='file' device='cdrom'><driver type='raw'/><target dev='sda'/><readonly/></disk>"
SHARED = "<disk type='file' device='disk' snapshot='no'><driver type='raw'/><target dev='vdd'/></disk>"
UEFI = "<os><loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader></os>"


def _machine(*disks: str, os: str = "", kind: str = "kvm") -> str:
    return f"<domain type='{kind}'><name>nas</name>{os}<devices>{''.join(disks)}</devices></domain>"


@pytest.mark.parametrize(
    ("description", "active", "memory", "found"),
    [
        (_machine(QCOW2), True, True, ("internal", True, ("vda",))),
        (_machine(QCOW2), True, False, ("external", False, ("vda",))),
        (_machine(QCOW2), False, True, ("internal", False, ("vda",))),
        (_machine(QCOW2, RAW), False, False, ("external", False, ("vda", "vdb"))),
        (_machine(QCOW2, CDROM, SHARED), True, True, ("internal", True, ("vda",))),
        (_machine(QCOW2, os=UEFI), False, False, ("external", False, ("vda",))),
        (_machine(kind="test"), True, True, ("internal", True, ())),
    ],
)
def test_it_is_kept_inside_the_disks_or_over_them(
    description: str, active: bool, memory: bool, found: tuple[str, bool, tuple[str, ...]]
) -> None:
    taking = way_of(TARGET, layout_of(description), active=active, memory=memory)
    assert (taking.keeping, taking.memory, taking.disks) == found


@pytest.mark.parametrize(
    ("description", "active", "memory", "said"),
    [
        (_machine(QCOW2, RAW), True, True, "its disk `vdb` is raw, and only qcow2 holds it"),
        (_machine(QCOW2, os=UEFI), True, True, "UEFI firmware"),
        (_machine(VOLUME), True, False, "its disk `vdc` is no file that a new one could be laid over"),
        (_machine(VOLUME), False, False, "its disk `vdc` is no file that a new one could be laid over"),
        (_machine(CDROM), True, True, "it has no disk that can be written"),
        (_machine(kind="test"), True, False, "it has no disk that can be written"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(
    description: str, active: bool, memory: bool, said: str
) -> None:
    with pytest.raises(FabricError) as told:
        way_of(TARGET, layout_of(description), active=active, memory=memory)
    assert told.value.code == "TARGET_REFUSED"
    assert said in told.value.message


def test_disks_that_are_left_out_are_named_as_such_and_every_name_is_only_text() -> None:
    layout = layout_of(_machine(QCOW2, CDROM))
    taking = way_of(TARGET, layout, active=True, memory=True)
    assert described("a <b> & 'c'", "change-1", taking, layout.others) == (
        "<domainsnapshot><name>a &lt;b&gt; &amp; 'c'</name><description>Fabric change change-1</description>"
        '<disks><disk name="vda" snapshot="internal" /><disk name="sda" snapshot="no" /></disks></domainsnapshot>'
    )
