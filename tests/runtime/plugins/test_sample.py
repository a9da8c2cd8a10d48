"""The sample's module lies beside its source, and is what the source makes."""

import shutil
import subprocess
from pathlib import Path

SAMPLE = Path(__file__).parents[3] / "samples/plugins/acme-meter"


def test_the_committed_module_is_what_the_source_makes(tmp_path: Path) -> None:
    made = tmp_path / "acme-meter.wasm"
    shutil.copy(SAMPLE / "acme-meter.c", tmp_path)
    cc = SAMPLE.parent / "sdk" / "cc"
    done = subprocess.run([cc, "acme-meter.c", made], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert made.read_bytes() == (SAMPLE / "acme-meter.wasm").read_bytes()
