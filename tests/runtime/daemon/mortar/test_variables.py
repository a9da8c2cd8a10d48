"""Variables, secrets and the environment: what a reference means, and what is wrong with it."""

from pathlib import Path

import pytest

from catalog.jsonvalue import Json
from runtime.daemon.mortar.reading import Read, read_project

HEAD = """
mortar_version = "1.0"
[project]
name = "shop"
version = "1.0.0"
[variable.seats]
type = "number"
default = 120
[variable.rate]
type = "number"
default = 2.50
[variable.trace]
type = "boolean"
default = false
[variable.region]
type = "string"
default = "north"
allowed_values = ["north", "south"]
[variable.needed]
type = "string"
[secret.token]
provider = "env"
key = "SHOP_TOKEN"
[secret.pass]
provider = "file"
path = "secrets/pass.txt"
[secret.one]
provider = "file"
path = "secrets/many.env"
key = "ONE"
[service.gate]
image = "gate:1"
networks = []
"""


def read(value: str, **options: Json) -> Read:
    return read_project(f"{HEAD}environment = {{ A = {value} }}\n", **options)


def meant(value: str, **options: Json) -> str:
    found = read(value, **options)
    assert found.findings.errors == []
    assert found.project is not None
    return found.project.parts[0].spec.environment["A"]


def problem(value: str, **options: Json) -> str:
    (found,) = read(value, **options).findings.errors
    return f"{found.place} {found.message}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"${variable.seats}"', "120"),
        ('"${variable.rate}"', "2.5"),
        ('"${variable.trace}"', "false"),
        ('"${variable.region}-${variable.seats}"', "north-120"),
        ('"${variable.nobody:-}"', ""),
        ('"${variable.nobody:-a:b:-c}"', "a:b:-c"),
        ('"${variable.needed:-d}"', "d"),
        ('"${variable.region:-d}"', "north"),
        ('"${env.SHOP_NOBODY:-e}"', "e"),
        ('"${env.SHOP_HOST}:80"', "shop.example:80"),
        ('"$${variable.seats}"', "${variable.seats}"),
        ('"$HOME and $ 5"', "$HOME and $ 5"),
        ("5", "5"),
        ("true", "true"),
    ],
)
def test_a_reference_has_its_value(written: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_HOST", "shop.example")
    assert meant(written) == expected


def test_every_text_may_hold_references_and_a_lone_one_has_its_type() -> None:
    text = (
        HEAD
        + """labels = { "a" = "${variable.region}" }
replicas = { min = "${variable.seats}" }
depends_on = ["${variable.other:-ledger}"]
[service.ledger]
image = "${variable.region}:1"
networks = []
egress_locked = "${variable.trace}"
"""
    )
    project = read_project(text).project
    assert project is not None
    ledger, gate = project.parts
    assert gate.spec.labels == {"a": "north"}
    assert gate.spec.replicas.min == 120
    assert ledger.spec.image == "north:1"
    assert ledger.spec.egress_locked is False


def test_what_is_given_goes_over_the_default() -> None:
    assert meant('"${variable.needed}"', variables={"needed": "x"}) == "x"
    assert meant('"${variable.seats}"', variables={"seats": "7"}) == "7"
    assert meant('"${variable.seats}"', variables={"seats": 7.5}) == "7.5"
    assert meant('"${variable.trace}"', variables={"trace": "true"}) == "true"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"region": "west"}, "variable.region is `west`, but must be one of `north`, `south`"),
        ({"seats": "many"}, "variable.seats.default must be a number"),
        ({"trace": "perhaps"}, "variable.trace.default must be a boolean"),
        ({"region": 5}, "must be a string"),
        ({"regoin": "x"}, "variable.regoin is not declared: did you mean `region`"),
    ],
)
def test_what_is_given_must_fit(variables: dict[str, Json], said: str) -> None:
    found = read("1", variables=variables).findings.errors
    assert any(said in f"{each.place} {each.message}" for each in found)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"${variable.nobody}"', "refers to the variable `nobody`, which is not declared."),
        ('"${variable.seat}"', "did you mean `seats`?"),
        ('"${variable.needed}"', "which has no value."),
        ('"${variables.seats}"', "write `${variable.NAME}`"),
        ('"${variable.se-ats}"', "write `${variable.NAME}`"),
        ('"${variable.seats"', "write `${variable.NAME}`"),
        ('"${}"', "write `${variable.NAME}`"),
        ('"${env.SHOP_NOBODY}"', "which is not in the daemon's environment."),
        ('"${env.FABRICKS_API_KEY:-x}"', "the daemon's own settings are not given away"),
        ('"${secret.tokn}"', "`tokn`, which is not declared: did you mean `token`?"),
        ('"${secret.token:-x}"', "it would be no secret"),
    ],
)
def test_a_wrong_reference_is_told_with_its_place(written: str, said: str) -> None:
    found = problem(written)
    assert found.startswith("service.gate.environment.A ")
    assert said in found


def test_all_wrong_references_are_told_together() -> None:
    text = (
        HEAD
        + 'environment = { A = "${variable.a} ${variable.b}", B = "${env.SHOP_NOBODY}" }\nlabels = { c = "${x}" }\n'
    )
    assert len(read_project(text).findings.errors) == 4


def test_a_secret_is_marked_and_its_value_is_where_it_belongs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "t0p")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/pass.txt").write_text("open sesame\n")
    (tmp_path / "secrets/many.env").write_text("# all\nZERO=0\nONE = first\n")
    text = (
        HEAD
        + """
[service.gate.environment]
TOKEN = "Bearer ${secret.token}"
PASS = "${secret.pass}"
ONE = "${secret.one}"
PLAIN = "x"
"""
    )
    read = read_project(text, base=tmp_path)
    assert read.project is not None
    spec = read.project.parts[0].spec
    assert spec.environment == {"TOKEN": "Bearer t0p", "PASS": "open sesame", "ONE": "first", "PLAIN": "x"}
    assert spec.secrets == ("TOKEN", "PASS", "ONE")
    assert "t0p" not in repr(read.written)
    assert "sesame" not in repr(read.written)


def test_a_secret_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "t0p")
    (found,) = read_project(HEAD + 'labels = { a = "${secret.token}" }\n').findings.errors
    assert "secrets stand in a service's `environment` alone" in found.message


def test_a_secret_that_is_not_there_is_told_without_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    assert "secret.token refers to `SHOP_TOKEN`" in problem('"${secret.token}"')
    assert "nobody says below which folder" in problem('"${secret.pass}"')
    assert "cannot be read: No such file" in problem('"${secret.pass}"', base=tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/many.env").write_text("TWO=hidden\n")
    found = problem('"${secret.one}"', base=tmp_path)
    assert "`ONE`, which is not in" in found
    assert "hidden" not in found
    (tmp_path / "secrets/pass.txt").write_bytes(b"x" * 20_000)
    assert "more than 16 KiB" in problem('"${secret.pass}"', base=tmp_path)
    (tmp_path / "secrets/pass.txt").write_bytes(b"\xff")
    assert "not UTF-8" in problem('"${secret.pass}"', base=tmp_path)
    (tmp_path / "secrets/pass.txt").unlink()
    (tmp_path / "secrets/pass.txt").symlink_to("/etc/passwd")
    assert "leads out of the project's folder" in problem('"${secret.pass}"', base=tmp_path)
    (tmp_path / "secrets/pass.txt").unlink()
    (tmp_path / "secrets/pass.txt").mkdir()
    assert "secret.pass has the path" in problem('"${secret.pass}"', base=tmp_path)


def test_a_pipe_is_no_secret_and_holds_nobody_up(tmp_path: Path) -> None:
    import os

    (tmp_path / "secrets").mkdir()
    os.mkfifo(tmp_path / "secrets/pass.txt")
    assert "no plain file" in problem('"${secret.pass}"', base=tmp_path)


def test_validation_takes_secrets_for_granted() -> None:
    read = read_project(HEAD + 'environment = { A = "${secret.token}", B = "${env.SHOP_NOBODY}" }\n', look_up=False)
    assert read.findings.errors == []
