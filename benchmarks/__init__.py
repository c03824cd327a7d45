"""Figures, each measured beside what it is compared with, in one run. See benchmarks/README.md."""
