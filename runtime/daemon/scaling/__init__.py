"""Scaling: how many replicas a service should have.

deciding.py   what follows from what was measured; pure
scaler.py     Scaler: measures, decides, and asks services to scale
"""

from runtime.daemon.scaling.deciding import Decision, Measured, Rules
from runtime.daemon.scaling.scaler import Scaler, ScalingDefaults

__all__ = ["Decision", "Measured", "Rules", "Scaler", "ScalingDefaults"]
