"""Airflow for the sandbox: configuration, connections and the four processes, on the sandbox's Postgres."""
