"""Airflow's hook for local settings, on the path of the sandbox's scheduler alone.

LocalExecutor forks its workers from the scheduler and each task from a worker, so a module imported here
costs a task nothing. `SANDBOX_PRELOAD` names the module.
"""

import importlib
import os

importlib.import_module(os.environ["SANDBOX_PRELOAD"])
