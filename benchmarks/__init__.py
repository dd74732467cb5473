"""Measurements of quality and speed that anybody can rerun; see docs/benchmarks.md."""
