"""Benchmarks: declared cases, the peers they are timed against, and the runner."""
