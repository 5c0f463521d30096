"""The index form: how definitions and formulas are read, and how expressions are shown."""
