"""What the parameters of a definition are called in generated code: the same in every language.

A parameter keeps its name. Where a language or a kernel means something else by it, an underscore is added, as PEP 8
has it for Python's keywords: `double` becomes `double_`. A Greek letter is spelled: `γ` becomes `gamma`.
"""

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import replace

from derive.catalogue.parameters import Parameter
from derive.kernel.statements import fresh_name
from derive.language.habits import spell_greek

_KEYWORDS = frozenset(
    """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const constexpr
    const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false float
    for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public register reinterpret_cast restrict return short signed sizeof static static_assert static_cast
    struct switch template this thread_local throw true try typedef typeid typename typeof union unsigned using
    virtual void volatile wchar_t while xor xor_eq
    """.split()  # noqa: SIM905 - a list of a hundred lines says no more
)
"""The keywords of C11 and of C++, from which the generated headers can be included."""

_TAKEN = frozenset(
    """
    batch n row start count label labels axis out reduction weight upstream ignore_index np rows dtype terms
    pairs positions
    diagonal is_label i j z t g v y loss value grad gradient hessian hvp vjp jvp jacobian jac hess product tangent gn
    gauss_newton gnvp z_grad loss_and_gradient Array ArrayLike DTypeLike NDArray BLOCK BLOCK_ENTRIES LANES ROWS CLASSES
    STEPS SQUARE WIDTH VECTOR VECTORS INSTRUCTION_SET INSTRUCTION_SETS REAL BITS OF LIBM JOIN JOINED SHARE ISA RUN
    SHUFFLE ALIGNED SIDE_BY_SIDE ONE_BY_ONE PARALLEL_FOR EACH STRIP LOW HIGH FIRST SECOND READ WRITE WRITE_SQUARE INLINE
    NOINLINE first lane k parts share few RESTRICT NULL INFINITY NAN size_t int64_t uint64_t uint32_t ptrdiff_t exp expf
    log logf log1p log1pf expm1 expm1f sqrt sqrtf tanh tanhf fabs fabsf pow powf memcpy abs all any bool float int len
    max min object range set str sum tuple type isinstance main errno EOF end head label_lane PRECISIONS weights weigh
    j_lane
    rows_fit rows_of_share rows_of_block is_class rows_alike entry AHEAD FETCH FETCH_TO_WRITE LINE MOST_ACROSS unix
    linux i386 sun mips vax isnan isinf isfinite isnormal isgreater isgreaterequal isless islessequal islessgreater
    isunordered fpclassify signbit offsetof math_errhandling
    """.split()  # noqa: SIM905 - a list of a hundred lines says no more
)
"""Names that the generated functions use for something else."""

_ENDINGS = (
    "_row",
    "_rows",
    "_stride",
    "_piece",
    "_pieces",
    "_few",
    "_lanes",
    "_sums",
    "_parts",
    "_columns",
    "_before",
    "_i",
    "_j",
    "_k",
    "_out",
    "_label",
    "_f32",
    "_f64",
)
"""How the names end that a kernel makes of others."""


def name_arguments(parameters: Sequence[Parameter]) -> Mapping[str, Parameter]:
    """Each parameter as generated code knows it, by the name that it has in the definition."""
    found: dict[str, Parameter] = {}
    taken = {parameter.name for parameter in parameters if _spell(parameter.name) == parameter.name}
    for parameter in parameters:
        name = _spell(parameter.name)
        if name != parameter.name:
            name = fresh_name(name, taken)
            taken.add(name)
        found[parameter.name] = replace(parameter, name=name)
    return found


def _spell(name: str) -> str:
    """`name` in ASCII, with an underscore after it where it means something else."""
    spelled = "".join(letter if letter.isascii() else spell_greek(letter) or f"u{ord(letter):04x}" for letter in name)
    if spelled.startswith("_"):
        spelled = f"parameter{spelled}"  # in C such names belong to the compiler
    is_taken = spelled in _KEYWORDS or spelled in _TAKEN or keyword.iskeyword(spelled) or spelled.endswith(_ENDINGS)
    is_taken |= spelled.isupper() and "_" in spelled  # as the macros of C's headers: M_PI, DBL_MAX
    return f"{spelled}_" if is_taken else spelled
