"""The sandbox: Postgres, a control plane with Flux, a GitLab server and Airflow, as processes on loopback.

Everything real, on one machine, without containers, so that Groundwork's demo and tests run against the parts
they are made for. Nothing here is imported by the product, and nothing of the product is imported here.
"""
