"""Bare repositories on disk: where they lie, how they are read, written and served."""
