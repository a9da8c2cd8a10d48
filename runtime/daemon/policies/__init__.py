"""Policies: what is forbidden, required or worth a warning, over and above what networks permit.

rules.py      a policy and its rules, and what they say of a service or a connection: pure
reading.py    policies from TOML: files of `policy_dir`, mortar's `[policy.NAME]`
policies.py   those in force, from files and from projects, and the mode: enforce, audit, disabled
report.py     violations as events, never a flood of them
"""

from runtime.daemon.policies.policies import Policies, read_directory
from runtime.daemon.policies.reading import read_policies
from runtime.daemon.policies.rules import Deny, Party, Policy, Require, Violation, Warn

__all__ = ["Deny", "Party", "Policies", "Policy", "Require", "Violation", "Warn", "read_directory", "read_policies"]
