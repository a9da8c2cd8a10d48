"""Void: a run whose figures would say nothing, because the load was too weak or the machine too busy."""


class Void(Exception):
    """Why the run counts for nothing."""
