"""Decisions without I/O: names, roles, visibility, scopes, protection, paging."""
