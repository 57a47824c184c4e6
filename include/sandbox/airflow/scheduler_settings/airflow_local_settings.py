"""Airflow's hook for local settings, on the path of the sandbox's scheduler alone.

LocalExecutor forks its workers from the scheduler and each task from a worker, so a module imported here
costs a task nothing. `SANDBOX_PRELOAD` names the modules, separated by commas.
"""

import importlib
import os

for _module in filter(None, os.environ.get("SANDBOX_PRELOAD", "").split(",")):
    importlib.import_module(_module)
