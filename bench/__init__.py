"""Benchmarks: they print what they measure, and hold nobody to it; tests that count do that (tests/db)."""
