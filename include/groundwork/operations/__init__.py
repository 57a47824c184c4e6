"""What Groundwork does to projects, step by step. Composes resources and records; knows no Airflow."""
