"""What a manifest lets through, and how a service's files are placed."""

from pathlib import Path

import pytest

from catalog.errors import Forbidden, GuestFailed, Invalid
from runtime.daemon.services.granting import check_paths, environment_of, may_request, withheld
from runtime.daemon.services.placing import place_files
from runtime.daemon.spec import ServiceSpec, VolumeUse
from runtime.wasm.launch import Abi
from runtime.wasm.modules.fabrickfile import Capabilities, FilesystemCapability, NetworkCapability


def _spec(*targets: str, read_only: bool = False, free: bool = False, **environment: str) -> ServiceSpec:
    volumes = tuple(VolumeUse(source="v", target=each, read_only=read_only) for each in targets)
    return ServiceSpec(name="a", image="b", volumes=volumes, environment=environment, no_capabilities=free)


def _files(**lists: tuple[str, ...]) -> Capabilities:
    return Capabilities(filesystem=FilesystemCapability(**lists))


@pytest.mark.parametrize(
    ("granted", "target", "writable"),
    [
        (_files(read_write=("/data",)), "/data", True),
        (_files(read_write=("/data/",)), "/data/deep", True),
        (_files(write=("/data/**",)), "/data", True),
        (_files(read=("/data",)), "/data", False),
        (_files(read_write=("/var/*/x",)), "/var/a/x", True),
    ],
)
def test_volumes_are_mounted_where_the_manifest_has_a_place_for_them(
    granted: Capabilities, target: str, writable: bool
) -> None:
    assert check_paths(_spec(target), granted) == (frozenset({target}) if writable else frozenset())
    assert check_paths(_spec(target, read_only=True), granted) == frozenset()


@pytest.mark.parametrize("target", ["/database", "/dat", "/", "/etc"])
def test_no_place_means_no_mount(target: str) -> None:
    with pytest.raises(Forbidden):
        check_paths(_spec(target), _files(read_write=("/data",)))
    with pytest.raises(Forbidden):
        check_paths(_spec("/data"), Capabilities())
    assert check_paths(_spec(target, free=True), Capabilities()) == {target}


def test_variables_are_delivered_by_name_or_by_the_beginning_of_it() -> None:
    granted = Capabilities(env=("LEVEL", "DB_*"))
    spec = _spec(LEVEL="debug", DB_URL="x", TOKEN="y")
    delivered = environment_of(spec, {"LEVEL": "info", "DB_POOL": "3", "HOME": "/"}, granted)
    assert delivered == {"LEVEL": "debug", "DB_URL": "x", "DB_POOL": "3"}
    assert "`TOKEN`" in str(withheld(spec, delivered))
    free = _spec(free=True, TOKEN="y")
    assert environment_of(free, {"HOME": "/"}, Capabilities()) == {"TOKEN": "y", "HOME": "/"}
    assert withheld(free, {"TOKEN": "y"}) is None


def test_requests_need_somebody_to_go_to() -> None:
    imports = ("fabric::http_request",)
    assert may_request(_spec(), Capabilities(network=NetworkCapability(connect=("x:80",))), Abi.REACTOR, imports)
    assert may_request(_spec(free=True), Capabilities(), Abi.REACTOR, imports)
    assert not may_request(_spec(), Capabilities(), Abi.FRAMED, ())
    with pytest.raises(GuestFailed, match="connect to nobody"):
        may_request(_spec(), Capabilities(), Abi.REACTOR, imports)


def test_files_are_copied_and_those_of_the_revision_before_are_kept_once(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("a")
    (source / "secret").symlink_to("/etc/passwd")
    single = tmp_path / "one.toml"
    single.write_text("1")
    home = tmp_path / "home"
    tree, one = place_files(home, {str(source): "/etc/app", str(single): "/conf/app.toml"})
    assert (tree.guest, tree.writable, (tree.host / "deep" / "a.txt").read_text()) == ("/etc/app", False, "a")
    assert not (tree.host / "secret").exists()
    assert (one.guest, (one.host / "app.toml").read_text()) == ("/conf", "1")
    (source / "deep" / "a.txt").write_text("b")
    (again,) = place_files(home, {str(source): "/etc/app"})
    assert (again.host / "deep" / "a.txt").read_text() == "b"
    assert (tree.host / "deep" / "a.txt").read_text() == "a"
    assert place_files(home, {}) == ()
    assert not tree.host.exists()
    with pytest.raises(Invalid, match="cannot be copied"):
        place_files(home, {str(tmp_path / "missing"): "/x"})
