"""A linear layer before the composition, over a batch: Z = X W + b, and the gradients by X, W and b.

`derive.notation` sums over one range, the classes. Here there are three (rows, features, classes), so that this package
has an index algebra of its own, small because everything in it is linear: `nodes` (entries, deltas, sums over an axis,
derivatives not yet taken), `rules` (the named rewrites), `matrix` (index form to matrix form), `evaluate` (exact checks),
`engine` (the derivation) and `show` (text, Unicode, LaTeX). What happens within a row is the composition's, derived by
`derive.calculus` and put in whole.
"""
