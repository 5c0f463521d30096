"""Measurements: `make bench` compares the generated kernels with their peers."""
