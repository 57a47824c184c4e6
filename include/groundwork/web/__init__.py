"""The pages and the HTTP API that Airflow's web server serves under `/groundwork`.

`mounted.MountedApp` is what Airflow is given: light to import, for every Airflow process loads the plugin.
"""
