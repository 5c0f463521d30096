"""The engine: named rules that differentiate, contract sums over the classes, and choose the readable form."""
