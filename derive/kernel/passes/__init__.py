"""Rewrites of a kernel, each a small function named after what it does; `derive.kernel.pipeline` puts them in order."""
