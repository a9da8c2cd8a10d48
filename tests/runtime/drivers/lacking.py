"""The code of a driver whose library is not there."""

import importlib

importlib.import_module("no_such_library")


class Peer:
    """Never made."""
