"""The authored language: text in, Plan or diagnostics out. Pure: it asks a catalog, and nothing else."""

from connections.compiler import compile
from connections.parse import load
from connections.suggest import suggest

__all__ = ["compile", "load", "suggest"]
