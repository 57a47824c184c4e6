"""The outside world, one module per system, each the only importer of its client library."""
