"""Storage: tables and transactions. The only package that talks to SQLite."""
