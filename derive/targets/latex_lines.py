"""Formulas that fit the page: where one that is too wide is broken."""

import math
from dataclasses import dataclass
from itertools import pairwise

from derive.language.show import LatexSpeller
from derive.language.tree import ONE, ClassSum, Derivative, Fraction, Node, Product, Terms
from derive.targets.latex_width import (
    MINUS,
    OPERATOR,
    SUM_SIGN,
    TALL_PARENTHESIS,
    is_tall,
    operator_width,
    parentheses,
    width,
)


@dataclass(frozen=True)
class Line:
    """One line of a formula, and its width in points."""

    written: str
    width: float


class LineBreaker(LatexSpeller):
    """Writes a formula on as many lines as it needs: broken before a plus or minus, the outermost that helps.

    A factor that fits on a line of its own, behind others that take half of one, is moved there, after a times sign.
    """

    def lines(self, node: Node, room: float, later: float | None = None) -> list[Line]:
        """`node` in lines: the first of at most `room` points, the others of at most `later`, `room` where None.

        One line where it fits; a fraction that does not is one over its denominator times a numerator that is broken.
        What has no sign to break at stays whole, however wide.
        """
        if width(node) <= room:
            return [Line(self.spell(node), width(node))]
        return self._broken(node, room, room if later is None else later)

    def _broken(self, node: Node, room: float, later: float) -> list[Line]:
        match node:
            case Terms():
                return self._broken_terms(node, room, later)
            case Product():
                return self._broken_product(node, room, later)
            case Fraction(above, below) if _gains(above, below, min(room, later)):
                factors = above.factors if isinstance(above, Product) else (above,)
                return self._broken_product(Product((Fraction(ONE, below), *factors)), room, later)
            case ClassSum(_, body):
                return self._after(Line(self.sum_sign(node), SUM_SIGN), body, room, later)
            case Derivative(body, _) if is_tall(body):
                operator = Line(self.operator(node), operator_width(node))
                return self._after(operator, body, room, later, bracket=True)
            case _:
                return [Line(self.spell(node), width(node))]

    def _broken_terms(self, node: Terms, room: float, later: float) -> list[Line]:
        """Each line takes as many terms as fit; a term that is too wide for a line of its own is broken in turn."""
        done: list[Line] = []
        for position, (negative, term) in enumerate(node.terms):
            limit = room if len(done) < 2 else later
            sign = Line("-" if negative else "+" if position else "", OPERATOR if position else MINUS * negative)
            whole = self._after(sign, term, math.inf, math.inf)[0]
            if position and done[-1].width + whole.width <= limit:
                done[-1] = Line(f"{done[-1].written} {whole.written}", done[-1].width + whole.width)
                continue
            if not position and room < whole.width <= later:
                done += [Line("", 0.0), whole]  # the bracket before it ends its line
                continue
            first, *rest = self._after(sign, term, later if done else room, later)
            if not position and first.width > room < later:
                done.append(Line("", 0.0))  # likewise: not even the beginning fits behind it
                first, *rest = self._after(sign, term, later, later)
            done += [Line(f"{{}} {first.written}" if position else first.written, first.width), *rest]
        return done

    def _broken_product(self, node: Product, room: float, later: float) -> list[Line]:
        """The widest factor that can be is broken; the others stand before and after it."""

        def rank(position: int) -> tuple[bool, float]:
            return _can_be_broken(node.factors[position]), width(node.factors[position])

        widest = max(range(len(node.factors)), key=rank)
        before, factor, after = node.factors[:widest], node.factors[widest], node.factors[widest + 1 :]
        head, tail = self._side_by_side(before, factor), self._side_by_side(after, None)
        own = self._side_by_side((factor, *after), None)
        if room / 2 < head.width and own.width + parentheses(factor, Terms) + OPERATOR <= later:
            # What follows a long head stands whole on a line of its own, rather than broken in its parentheses.
            return [head, Line(_joined(r"{} \times", own.written), own.width + OPERATOR)]
        bracket = bool(after) and self._piece(factor).is_open
        lines = self._after(head, factor, room, later - tail.width, bracket=bracket)
        if len(lines) == 1:
            # The factor fits, but not with what stands after it.
            lines = self._after(head, factor, room - tail.width, later - tail.width, bracket=bracket)
        lines[-1] = Line(_joined(lines[-1].written, tail.written), lines[-1].width + tail.width)
        return lines

    def _side_by_side(self, factors: tuple[Node, ...], following: Node | None) -> Line:
        pairs = pairwise((*factors, following))
        written = " ".join(self._factor(factor, after).written for factor, after in pairs if factor is not None)
        return Line(written, width(Product(factors)))

    def _after(self, head: Line, node: Node, room: float, later: float, *, bracket: bool = False) -> list[Line]:
        """`node` with `head` in front: on one line or broken, then in parentheses of a fixed size where it is a sum."""
        extra = TALL_PARENTHESIS if bracket or isinstance(node, Terms) else 0.0
        whole_width = head.width + width(node) + 2 * extra
        lines = [] if whole_width <= room else self._broken(node, room - head.width - extra, later - extra)
        if len(lines) == 1 and extra:
            # All of it fits but the parenthesis that closes it.
            lines = self._broken(node, room - head.width - 2 * extra, later - extra)
        if len(lines) < 2:
            piece = self._factor(node, following=node if bracket else None)
            return [Line(_joined(head.written, piece.written), whole_width)]
        left, right = (r"\biggl(", r"\biggr)") if extra else ("", "")
        first = lines[0]
        lines[0] = Line(_joined(head.written, left, first.written), head.width + first.width + extra)
        last = lines[-1]
        lines[-1] = Line(_joined(last.written, right), last.width + extra)
        return lines


def _gains(above: Node, below: Node, room: float) -> bool:
    """Whether a fraction is narrower as one over its denominator times its numerator, which can be broken."""
    is_narrower = width(below) < room and width(below, inline=True) < width(above, inline=True)
    return isinstance(above, (Terms, Product)) and is_narrower


def _can_be_broken(node: Node) -> bool:
    """Whether there is a sign in `node` to break it at, outside powers, functions and denominators."""
    match node:
        case Terms(terms):
            return len(terms) > 1 or _can_be_broken(terms[0][1])
        case Product(factors):
            return any(map(_can_be_broken, factors))
        case Fraction(above, _):
            return isinstance(above, (Terms, Product)) and _can_be_broken(above)
        case ClassSum(_, body):
            return _can_be_broken(body)
        case Derivative(body, _):
            return is_tall(body) and _can_be_broken(body)
        case _:
            return False


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
