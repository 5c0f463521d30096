"""Is a loss defined for the output of an activation? The logarithm of a logit is not: logits have both signs."""

from collections.abc import Iterator
from fractions import Fraction

import mpmath
import sympy
from sympy import Expr, IndexedBase, Symbol

from derive.catalogue.model import Composition
from derive.catalogue.parameters import choose_parameters
from derive.errors import UnsupportedError
from derive.language.show import text
from derive.notation import Contraction, class_index, i, label, rename, t, y, z
from derive.proof.evaluate import Definitions, Point, evaluate
from derive.proof.field import BadPointError, Reals

_LOGITS = ((Fraction(1), Fraction(-1, 2), Fraction(1, 4)), (Fraction(-2), Fraction(1), Fraction(-1, 3)),
           (Fraction(1, 10), Fraction(1, 5), Fraction(-3)))  # fmt: skip
"""Rows of logits of both signs, as logits are."""
_TARGETS = (Fraction(1, 2), Fraction(1, 5), Fraction(3, 10))
_OUTER_INDICES = "ikqrs"


def refuse_undefined(composition: Composition) -> None:
    """Refuse a loss that is defined at none of a few rows of logits, whatever class a label names.

    Raises:
        UnsupportedError: says which logarithm or power of it is not defined, and of what.
    """
    definition = composition.loss_definition
    if definition is None:
        return
    found = []
    for row in _LOGITS:
        points = [_point(composition, row, sure) for sure in range(len(row) if composition.takes_labels else 1)]
        try:
            undefined = next((each for point in points for each in _undefined(definition, point, 0)), None)
        except BadPointError:
            return
        if undefined is None:
            return
        found.append(undefined)
    assert composition.loss is not None  # noqa: S101 - its definition is not None
    raise UnsupportedError(
        f"{composition.loss.name} is not defined for {composition.activation.name}: it takes {text(found[0])}, "
        f"which is no real number at z = ({', '.join(map(str, _LOGITS[0]))}) and other logits of both signs"
    )


def _point(composition: Composition, row: tuple[Fraction, ...], sure: int) -> Point:
    definitions: Definitions = {
        base: (i, meaning)
        for base, meaning in ((y, composition.y_definition), (composition.output_vector, composition.output))
        if meaning is not None and base != z and not (base == y and meaning == y[i])
    }
    values: dict[IndexedBase | Symbol, object] = {z: _reals(row), t: _reals(_TARGETS)}
    chosen = choose_parameters(composition.parameters, len(row))  # those of the classes differ: r[i] - r[k] is not 0
    for parameter in composition.parameters:
        name = IndexedBase(parameter.name) if parameter.per_class else Symbol(parameter.name, real=True)
        numbers = [mpmath.mpf(float(number)) for number in chosen[parameter.name].flat]
        values[name] = numbers if parameter.per_class else numbers[0]
    return Point(Reals(), len(row), values, definitions, {label: sure})


def _reals(numbers: tuple[Fraction, ...]) -> list[mpmath.mpf]:
    return [Reals().number(number) for number in numbers]


def _undefined(expression: Expr, point: Point, depth: int) -> Iterator[Expr]:
    """The logarithms and powers in `expression` that are no real numbers at `point`, inner ones first."""
    if isinstance(expression, Contraction):
        index = class_index(_OUTER_INDICES[depth % len(_OUTER_INDICES)])
        body = rename(expression.body, {expression.index: index})
        for number in range(point.n):
            yield from _undefined(body, point.at({index: number}), depth + 1)
        return
    for child in expression.args:
        if isinstance(child, Expr):
            yield from _undefined(child, point, depth)
    match expression:
        case sympy.log():
            argument, allowed_zero = expression.args[0], False
        case sympy.Pow() if not expression.exp.is_Integer:
            argument, allowed_zero = expression.base, True
        case _:
            return
    value = evaluate(argument, point)
    if not isinstance(value, mpmath.mpf) or value < 0 or (value == 0 and not allowed_zero):
        yield expression
