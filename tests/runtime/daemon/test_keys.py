"""ApiKeys: shown once, kept as digests, shared with the command line's process."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from catalog.errors import Invalid, NotFound, Unavailable
from runtime.daemon.keys import ApiKeys
from tests.fakes.daemon_clock import DaemonClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data/api-keys.json"


def test_a_key_is_shown_once_and_kept_as_its_digest(path: Path) -> None:
    keys = ApiKeys(path, DaemonClock())
    key, text = keys.generate("laptop")
    assert keys.list() == [key]
    assert (key.label, key.created, key.last_used) == ("laptop", "2027-01-15T08:00:00Z", None)
    assert len(text) >= 5 + 43, "256 bits"
    assert text not in path.read_text()
    assert keys.check(text) == key.id
    for wrong in ("", text[:-1], text + "x", key.id, key.sha256, "\udcff", "é"):
        assert keys.check(wrong) is None


def test_keys_are_there_again_and_count_until_they_are_revoked(path: Path) -> None:
    first, text = ApiKeys(path).generate()
    second, other = ApiKeys(path).generate()
    again = ApiKeys(path)
    assert [each.id for each in again.list()] == [first.id, second.id]
    assert again.revoke(first.id).id == first.id
    assert again.check(text) is None
    assert again.check(other) == second.id


def test_what_another_process_changes_counts_at_once(path: Path) -> None:
    keys = ApiKeys(path)
    key, text = keys.generate()
    assert keys.check(text)
    assert keys.check(text), "by now nothing is to be read again"
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from runtime.daemon.keys import ApiKeys\n"
            "keys = ApiKeys(Path(sys.argv[1])); keys.revoke(sys.argv[2]); print(keys.generate()[1])",
            str(path),
            key.id,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert keys.check(text) is None
    assert keys.check(made)
    assert keys.check(made)
    path.unlink()
    assert keys.check(made) is None


def test_last_used_is_written_once_a_minute(path: Path) -> None:
    clock = DaemonClock()
    keys = ApiKeys(path, clock)
    key, text = keys.generate()
    for seconds, shown in ((0, "08:00:00"), (59, "08:00:00"), (1, "08:01:00")):
        clock.pass_by(seconds)
        keys.check(text)
        assert ApiKeys(path).list()[0].last_used == f"2027-01-15T{shown}Z"
    assert keys.list()[0].sha256 == key.sha256


def test_a_check_does_not_wait_for_who_is_writing(path: Path) -> None:
    keys = ApiKeys(path)
    _, text = keys.generate()
    with ApiKeys(path)._changing():
        assert keys.check(text)


def test_many_may_make_keys_at_once_and_none_is_lost(path: Path) -> None:
    threads = [threading.Thread(target=ApiKeys(path).generate) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.id for each in ApiKeys(path).list()}) == 20


def test_the_file_is_the_owners_alone(path: Path) -> None:
    ApiKeys(path).generate()
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}


def test_a_damaged_file_is_said_and_not_taken_for_a_wrong_key(path: Path) -> None:
    keys = ApiKeys(path)
    _, text = keys.generate()
    for content in ("", "{", '{"keys": [{"id": 3}]}', json.dumps([])):
        path.write_text(content)
        for ask in (lambda: keys.check(text), keys.list, keys.generate, lambda: keys.revoke("key-abc123")):
            with pytest.raises(Unavailable) as refused:
                ask()
            assert refused.value.code == "KEYS_UNREADABLE"
        assert path.read_text() == content, "and nothing is written over it"


def test_an_id_that_there_is_not_is_refused_with_the_nearest(path: Path) -> None:
    key, _ = ApiKeys(path).generate()
    with pytest.raises(NotFound) as refused:
        ApiKeys(path).revoke(key.id[:-1] + "_")
    assert refused.value.code == "KEY_NOT_FOUND"
    assert refused.value.hint == f"Did you mean `{key.id}`?"


@pytest.mark.parametrize("label", ["x" * 101, "a\nb", "\x1b[31m"])
def test_a_label_is_short_and_printable(path: Path, label: str) -> None:
    with pytest.raises(Invalid):
        ApiKeys(path).generate(label)
