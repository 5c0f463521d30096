"""The closed form with something put in its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from sympy import Add, Basic, Expr, Indexed, Integer, KroneckerDelta, Mul, Symbol, expand, log

from derive.calculus.rewrite import rewrite
from derive.catalogue import activations
from derive.checking.functions import Array
from derive.checking.mistakes.model import Wrong, closed_form, compose, probabilities
from derive.checking.roles import rank_of
from derive.checking.world import World
from derive.notation import Contraction, Partial, i, j, label, occurrences, t, vectors, y, z

_INDICES: tuple[tuple[Symbol, ...], ...] = ((), (j,), (i, j))
"""The free indices of a closed form, by how many it has."""


def substituted(world: World, quantity: str) -> Iterator[Wrong]:
    """The closed form with other inputs, without its Kronecker delta, or with one index for another."""
    if world.composition.loss is None:
        yield from _other_values(world)
        return
    definition = world.composition.loss_definition if quantity == "value" else closed_form(world, quantity)
    if definition is None:
        return
    indices = _INDICES[rank_of(world.composition, quantity)]
    for name, other in inputs_exchanged(world):
        yield Wrong((name,), "closed form", partial(other.array, definition, *indices))
    if t in vectors(world.composition.loss_definition or Integer(0)):
        swapped = rewrite(definition, _swap)
        yield Wrong(("targets-and-probabilities-swapped",), "letters", partial(world.array, swapped, *indices))
    for number, other_form in enumerate(once_logits(definition)):
        yield Wrong(("logits-for-probabilities",), f"once {number}", partial(world.array, other_form, *indices))
    if quantity == "gradient":
        every = world.given({t: world.inside([1] * world.n)})
        yield Wrong(("label-case-only",), "targets", partial(every.array, rewrite(definition, _total_of_one), *indices))
    deltas = list(occurrences(definition, KroneckerDelta))
    for number in (0, 1) if deltas else ():
        labelled = any(label in delta.free_symbols for delta in deltas)
        name = "label-case-only" if labelled and number else "delta-missing"
        yield Wrong((name,), f"closed {number}", partial(world.array, without_delta(definition, number), *indices))
    if quantity in ("value", "gradient"):
        yield from _without_logarithm(world, indices)
    yield from terms_turned(world, definition, indices)
    names = (*indices, label) if label in definition.free_symbols else indices
    for number, other_form in enumerate(mixed(definition, names)):
        yield Wrong(("index-mixed-up",), f"closed {number}", partial(world.array, other_form, *indices))
    yield from terms_scaled(world, definition, indices)


def terms_turned(world: World, expression: Expr, indices: tuple[Symbol, ...]) -> Iterator[Wrong]:
    """The expression with the sign of one term turned."""
    return _terms_multiplied(world, expression, indices, {"turned": -1}, "sign")


def terms_scaled(world: World, expression: Expr, indices: tuple[Symbol, ...]) -> Iterator[Wrong]:
    """The expression with one term multiplied by what is easily lost or extra: a mean for a sum, the 2 of a square."""
    return _terms_multiplied(world, expression, indices, multiples(world), "factor")


def multiples(world: World) -> dict[str, Any]:
    """What a term may be multiplied by that is lost or extra."""
    return {"2": 2, "1/2": world.inverse(2), "n": world.n, "1/n": world.inverse(world.n)}


def _terms_multiplied(
    world: World, expression: Expr, indices: tuple[Symbol, ...], numbers: Mapping[str, Any], name: str
) -> Iterator[Wrong]:
    whole = cache(partial(world.array, expression, *indices))
    for place, term in enumerate(_terms(expression)):
        own = cache(partial(world.array, term, *indices))
        for key, number in numbers.items():
            yield Wrong((name,), f"term {place} {key}", partial(_multiplied, world, whole, own, number), "of a term")


def _multiplied(world: World, whole: Callable[[], Array], term: Callable[[], Array], number: Any) -> Array:
    return world.reduce(whole() + (number - 1) * term())


def _terms(expression: Expr) -> Iterator[Expr]:
    """The terms of the sum that an expression is, or that one of its factors is, as it stands and multiplied out."""
    for form in dict.fromkeys((expression, expand(expression))):
        factors = Mul.make_args(form)
        for place, factor in enumerate(factors):
            if isinstance(factor, Add):
                yield from (Mul(*factors[:place], term, *factors[place + 1 :]) for term in factor.args)


def _without_logarithm(world: World, indices: tuple[Symbol, ...]) -> Iterator[Wrong]:
    """The loss with y in the place of log y, or its gradient: the negative log-likelihood, given probabilities."""
    definition = world.composition.loss_definition
    if definition is None:
        return

    def share(node: Expr) -> Expr | None:
        return node.args[0] if isinstance(node, log) and _is_share(node.args[0]) else None

    plain = rewrite(definition, share)
    if plain != definition:
        found = partial(world.array, Partial(plain, z[j]) if indices else plain, *indices)
        yield Wrong(("softmax-for-log-softmax",), "in the loss", found, "in the loss")


def _is_share(node: Basic) -> bool:
    return isinstance(node, Indexed) and node.base == y


def _total_of_one(node: Expr) -> Expr | None:
    """1 for the sum of the targets."""
    return Integer(1) if isinstance(node, Contraction) and node == Contraction(t[j], j) else None


def _other_values(world: World) -> Iterator[Wrong]:
    """The value of another activation, and the activation applied twice."""
    mine = world.composition.activation
    for other in activations().values():
        if other.y == mine.y and other != mine:
            there = world.of(compose(other))
            yield Wrong((f"{other.name}-for-{mine.name}",), "value", partial(there.truth, "value"))
    if mine.y is not None:
        yield Wrong(("double-softmax",), "value", lambda: _twice(world).truth("value"))


def _twice(world: World) -> World:
    """The world with probabilities for logits."""
    return World(
        world.composition,
        world.n,
        world.field,
        {**world.values, z: world.inside(probabilities(world))},
        world.label,
    )


def inputs_exchanged(world: World) -> Iterator[tuple[str, World]]:
    """The world with something else where y belongs."""
    yield "logits-for-probabilities", world.given({y: world.inside(world.vector(z))})
    if world.composition.activation.y is None:
        return
    yield "double-softmax", _twice(world)
    definition = world.composition.loss_definition
    if definition is not None and t in vectors(definition):
        targets, found = world.inside(world.vector(t)), world.inside(world.vector(y))
        yield "targets-and-probabilities-swapped", world.given({y: targets, t: found})


def without_delta(expression: Expr, number: int) -> Expr:
    """The expression with every Kronecker delta left out: 0, or 1."""
    return rewrite(expression, lambda node: Integer(number) if isinstance(node, KroneckerDelta) else None)


def _swap(node: Expr) -> Expr | None:
    """T for y and y for t."""
    return {y: t, t: y}[node.base][node.indices] if isinstance(node, Indexed) and node.base in (y, t) else None


def mixed(expression: Expr, names: Sequence[Symbol]) -> Iterator[Expr]:
    """The expression with one index of one vector taken for another that is there."""

    def others(entry: Indexed, there: Sequence[Symbol]) -> Iterator[Expr]:
        yield from (entry.base[name] for name in there if name != entry.indices[0])

    yield from _once(expression, others, names)


def once_logits(expression: Expr) -> Iterator[Expr]:
    """The expression with one of its probabilities taken for a logit."""

    def logit(entry: Indexed, _: Sequence[Symbol]) -> Iterator[Expr]:
        if entry.base == y:
            yield z[entry.indices]

    yield from _once(expression, logit, ())


def _once(
    expression: Expr, change: Callable[[Indexed, Sequence[Symbol]], Iterator[Expr]], names: Sequence[Symbol]
) -> Iterator[Expr]:
    """The expression with one entry of a vector changed; `names` are the indices that are there."""
    if isinstance(expression, Indexed):
        yield from change(expression, names)
    elif isinstance(expression, Contraction):
        body, index = expression.open()
        for other in _once(body, change, (*names, index)):
            yield Contraction(other, index)
    elif not isinstance(expression, KroneckerDelta):
        for place, part in enumerate(expression.args):
            for other in _once(part, change, names):
                yield expression.func(*(*expression.args[:place], other, *expression.args[place + 1 :]))
