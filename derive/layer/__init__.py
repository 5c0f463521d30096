"""A linear layer before the composition, over a batch: Z = X W + b, and the gradients by X, W and b.

`derive.notation` sums over one range, the classes. Here there are three (rows, features, classes), so that this
package has an index algebra of its own, small because all of it is linear. What happens within a row is the
composition's, derived by `derive.calculus` and put in whole.

`nodes` holds entries, deltas, sums over an axis and derivatives not yet taken; `rules` the named rewrites; `matrix` the
way from index form to matrix form; `evaluate` the exact checks; `engine` the derivation; `show` the notations.
"""
