"""Why a project is not synced: the chain of causes from the request to the pods, and what to do.

First everything is looked at (`gathering`), many projects at once; then pure functions conclude from it, link
by link (`record_links`, `gitlab_links`, `cluster_links`, `workload_links`), and `chains` finds the cause.
"""

from groundwork.operations.diagnosis.diagnose import diagnose_project, diagnose_unsynced
from groundwork.operations.diagnosis.findings import Chain, Diagnosis, Link, Place, State

__all__ = ["Chain", "Diagnosis", "Link", "Place", "State", "diagnose_project", "diagnose_unsynced"]
