"""Plain typed data and pure rules: no I/O, no client library."""
