"""Groundwork: one request becomes a running project, and stays one."""
