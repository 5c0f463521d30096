"""Exact checks: two expressions are evaluated over a field in which equality is decided, never estimated."""
