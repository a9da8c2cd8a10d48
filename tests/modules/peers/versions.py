"""What version of a Debian package is installed."""

import subprocess


def version_of(package: str) -> str:
    """As dpkg knows it; `?` where it knows nothing."""
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return done.stdout or "?"
