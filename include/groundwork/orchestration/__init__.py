"""Where Groundwork meets Airflow: connections, task steps, retry policy, sensor, trigger and shared watch."""
