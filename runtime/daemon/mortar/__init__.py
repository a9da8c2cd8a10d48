"""Mortar: a whole project in one file, `fabricks-mortar.toml`.

reading.py     from text to a Project, everything that is wrong at once
  schema.py profiles.py variables.py secrets.py parts.py checks.py    the steps of that way
project.py     Project and its parts, in the order in which they start
mortar.py      Mortar: deploy, undeploy, status, validate
  modules.py deploying.py status.py records.py                        what that takes
"""

from runtime.daemon.mortar.mortar import COME_UP, Mortar
from runtime.daemon.mortar.problems import Problem, listed
from runtime.daemon.mortar.reading import FILE_NAME, read_project
from runtime.daemon.mortar.records import Deployed, Deployment, Outcome, Undeployed
from runtime.daemon.mortar.status import Status

__all__ = [
    "COME_UP",
    "FILE_NAME",
    "Deployed",
    "Deployment",
    "Mortar",
    "Outcome",
    "Problem",
    "Status",
    "Undeployed",
    "listed",
    "read_project",
]
