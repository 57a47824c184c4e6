-- Groundwork's own database and role, beside Airflow's; Postgres' image runs this once, on an empty volume.
\getenv password GROUNDWORK_DATABASE_PASSWORD
CREATE ROLE groundwork LOGIN PASSWORD :'password';
CREATE DATABASE groundwork OWNER groundwork;
REVOKE CONNECT ON DATABASE groundwork FROM PUBLIC;
