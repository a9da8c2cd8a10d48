"""Scenarios: Connections tried out in YAML. An event in; the runs, changes and calls that are expected of it.

Nothing is pretended but the outside: a real server's parts in a folder of their own, a real receiver on loopback.
"""
