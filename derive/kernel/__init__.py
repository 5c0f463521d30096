"""Kernels: the program that computes a quantity for one row, from closed form to loops, before any language."""
