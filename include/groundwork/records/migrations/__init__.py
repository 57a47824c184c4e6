"""Alembic's script folder: the history of the records' schema. Run by `records.migrate`, never by hand."""
