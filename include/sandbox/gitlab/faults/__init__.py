"""Fault switches and the request journal. Tests use `FaultClient` from here."""

from sandbox.gitlab.faults.client import FaultClient
from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.faults.journal import Entry

__all__ = ["Entry", "Fault", "FaultClient"]
