"""Postgres records: what was asked for, what was made, how it stands, who did what.

`store.Records` is the way in; nothing outside this package writes SQL.
"""

from groundwork.records.store import Records

__all__ = ["Records"]
