"""Prints the file of defaults: `python -m runtime.daemon.config > samples/fabricksd/config.toml`."""

import sys
from pathlib import Path

from runtime.daemon.config.printing import print_config
from runtime.daemon.config.reading import defaults

HOME = Path("/root")

sys.stdout.write(print_config(defaults(HOME, 0), HOME))
