"""Names for the sums of a kernel, made from what is summed: `target_sum`, `exp_sum`, `g_dot_y`."""

from sympy import Add, Expr, Function, Indexed, Integer, KroneckerDelta, Mul, Pow, Symbol
from sympy import exp as exponential
from sympy import log as logarithm

from derive.kernel.origins import FromLargest
from derive.notation import Contraction, free_indices

_WORDS = {"t": "target", "z": "logit"}
"""What a vector is called where it stands alone; others keep their letter."""

_LONGEST = 28
"""Characters beyond which a name says less than that it is a sum."""


def name_sum(body: Expr, index: Symbol, otherwise: str = "row_sum") -> str:
    """A name for the sum of `body` over `index`; `otherwise` where one that says it would be long."""
    if isinstance(body, Indexed):
        return name_element_sum(str(body.base))
    if isinstance(body, exponential):
        return "exp_sum" if isinstance(body.args[0], Indexed) else f"exp_{_words(body.args[0])}_sum"
    _, factors = _sign_and_factors(body)
    if len(factors) == 2 and all(index in free_indices(factor) for factor in factors):
        first, second = sorted((_words(factor) for factor in factors), key=lambda words: (len(words), words))
        name = f"{first}_dot_{second}"
    else:
        name = f"{_words(body)}_sum" if not isinstance(body, Contraction) else otherwise
    return name if len(name) <= _LONGEST and name.isidentifier() else otherwise


def _sign_and_factors(body: Expr) -> tuple[int, list[Expr]]:
    factors = list(body.as_ordered_factors()) if isinstance(body, Mul) else [body]
    signs = [factor for factor in factors if factor == -1]
    return (-1 if signs else 1), [factor for factor in factors if factor != -1]


def _words(expression: Expr) -> str:
    """What `expression` is, in letters and underscores."""
    match expression:
        case Indexed():
            return str(expression.base)
        case FromLargest():
            return "d"
        case KroneckerDelta():
            return "delta"
        case Contraction():
            return "sum"
        case logarithm():
            return f"log_{_words(expression.args[0])}"
        case exponential():
            return f"exp_{_words(expression.args[0])}"
        case Pow(args=(base, Integer(p=2))):
            return f"{_words(base)}_squared"
        case Pow(args=(base, Integer(p=3))):
            return f"{_words(base)}_cubed"
        case Pow(args=(base, _)):
            return f"{_words(base)}_power"
        case Mul():
            return "_".join(_words(factor) for factor in _sign_and_factors(expression)[1])
        case Add():
            terms = sorted(expression.as_ordered_terms(), key=lambda term: term.could_extract_minus_sign())
            text = _words(terms[0])
            for term in terms[1:]:
                text += f"_minus_{_words(-term)}" if term.could_extract_minus_sign() else f"_plus_{_words(term)}"
            return text
        case Integer():
            return str(abs(int(expression)))
        case Function(args=(argument,)):
            return f"{expression.func.__name__.lower()}_{_words(argument)}"
    return "".join(letter for letter in str(expression) if letter.isalnum())


def name_element_sum(vector: str) -> str:
    """A name for the sum of a vector's entries."""
    return f"{_WORDS.get(vector, vector)}_sum"
