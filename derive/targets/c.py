"""The C target: one header and one source file for each composition, in single and in double precision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from derive.compiler import AVX512, FLAGS
from derive.kernel.ir import Kernel
from derive.kernel.pipeline import schedule
from derive.kernel.plan import quantities_of
from derive.kernel.statements import has_maximum
from derive.kernel.undefined import takes_powers_of_logits
from derive.language.show import text
from derive.notation import free_indices, label, y
from derive.render import render
from derive.targets.c_function import Function, make_function
from derive.targets.c_layout import comment, wrap
from derive.targets.c_loops import BLOCK, BLOCK_ENTRIES, MOST_ACROSS, STEPS, squares
from derive.targets.c_precision import PRECISIONS, REAL
from derive.targets.c_project import cmake_project
from derive.targets.c_uses import functions_called
from derive.targets.heading import assumed, describe_parameters, heading
from derive.targets.model import Product

SHARE = 32768
"""Entries that are enough work for a thread: some 10 microseconds, where waking one takes 2 or 3."""

_OWN_FUNCTIONS = (
    "exp_of_sum",
    "exp",
    "exp_difference",
    "exp_of_sum_nonpositive",
    "exp_nonpositive",
    "exp_difference_nonpositive",
    "expm1",
    "log_of_sum",
    "log",
    "log1p",
    "power",
    "sign",
    "larger",
    "maximum",
    "largest_lane",
    "row_maximum",
    "largest_class",
    "sum",
    "turn",
    "load_rows",
    "store_rows",
    "weigh",
)
"""The functions that a file may define for itself, each after those that it calls."""


_PER_INSTRUCTION_SET = ("largest_lane", "row_maximum", "largest_class", "sum", "turn", "load_rows", "store_rows")
"""Those that know how much a vector holds, or are called and do not become part of their callers."""


class CTarget:
    """Functions over rows of logits, in C11 that also compiles as C++, with no dependency but libm."""

    name = "c"

    def files(self, product: Product) -> Mapping[str, str]:
        """The header and the source file of one product; matrices are left to other targets.

        Raises:
            UnsupportedError: a kernel has a node that C has no way to say, or needs memory.
        """
        kernels = [
            schedule(kernel, work=False)
            for kernel in product.kernels
            if all(array.rank < 2 for array in kernel.outputs)
        ]
        functions = [[make_function(product.stem, kernel, precision) for precision in PRECISIONS] for kernel in kernels]
        bodies = [make_function(product.stem, kernel, REAL) for kernel in kernels]
        weighted = product.composition.loss is not None
        called = _called(bodies) | ({"weigh"} if weighted else set())
        prefix = product.stem if product.n is None else f"{product.stem}_n{product.n}"
        head = [f" * {line}".rstrip() for line in heading(_without_matrices(product), self.name)]
        header = render(
            self.name,
            "header.h",
            head=head,
            prefix=prefix.upper(),
            weighted=weighted,
            n=product.n,
            parameters=describe_parameters(product),
            normalised=_is_normalised(product),
            command=" ".join(("cc", *FLAGS, "-c", f"{product.stem}.c")),
            groups=[(_describe(product, pair[0].kernel), pair) for pair in functions],
        )
        source = render(
            self.name,
            "source.c",
            head=head,
            header=f"{product.stem}.h",
            precisions=PRECISIONS,
            own=[name for name in _OWN_FUNCTIONS if name in called],
            source=f"{product.stem}.c",
            per_set=_PER_INSTRUCTION_SET,
            avx512=",".join(AVX512),
            share=SHARE,
            across=any(way.across for each in bodies for way in each.ways),
            squares=squares(product.n),
            most_across=MOST_ACROSS,
            n=product.n,
            along=any(not way.across for each in bodies for way in each.ways),
            block=BLOCK,
            block_entries=BLOCK_ENTRIES,
            pieces="end_of_piece" in called,
            steps=STEPS,
            functions=[each for pair in functions for each in pair],
            labels=any(kernel.labels for kernel in kernels),
            weighted=weighted,
            bodies=bodies,
        )
        return {f"{product.stem}.h": wrap(header), f"{product.stem}.c": wrap(source)}

    def shared_files(self, products: Sequence[Product]) -> Mapping[str, str]:
        """A CMake project of all of them; each pair of files stands alone."""
        return {"CMakeLists.txt": cmake_project(products, FLAGS)} if products else {}


def _is_normalised(product: Product) -> bool:
    """Whether every function compares the logits of a row with their largest: what is lost of it is lost to all.

    A norm of logits does too, and has no class of -inf.
    """
    definition = product.composition.loss_definition
    is_of_numbers = definition is not None and not definition.has(y.label) and takes_powers_of_logits(definition)
    return all(map(has_maximum, product.kernels)) and not is_of_numbers


def _called(functions: Sequence[Function]) -> frozenset[str]:
    """The names of the functions of `templates/c/functions` that the C of `functions` calls."""
    called: set[str] = set()
    for function in functions:
        for way in function.ways:
            called |= functions_called(function.kernel, way.body, way.across)
            if way.across:
                called |= {"turn", "load_rows"} if function.read else set()
                called |= {"turn", "store_rows"} if any(array.rank for array in function.kernel.outputs) else set()
    return frozenset(called)


def _without_matrices(product: Product) -> Product:
    """The product without the quantities that no function of the C target computes."""
    computed = [each for each in product.results if len(free_indices(each.closed_form) - {label}) < 2]
    return replace(product, results=tuple(computed))


def _describe(product: Product, kernel: Kernel) -> tuple[str, ...]:
    """A comment that says what each output of `kernel` is."""
    return comment(tuple(_sentences(product, kernel)))


def _sentences(product: Product, kernel: Kernel) -> Iterator[str]:
    derived = {result.quantity: result.closed_form for result in product.results}
    for output, quantity in zip(kernel.outputs, quantities_of(product.composition, kernel.name), strict=False):
        if quantity in derived:
            entry = "".join(f"[{index}]" for index in sorted(map(str, free_indices(derived[quantity]) - {label})))
            yield f"{output.name}{entry} = {text(derived[quantity])}{assumed(product, quantity)}"
    if kernel.labels:
        yield "t[i] is 1 at the row's label and 0 elsewhere"
    if kernel.work and kernel.n is None:
        yield f"n is at most {BLOCK_ENTRIES}, else the size is bad: {' and '.join(kernel.work)} are kept on the stack"


target = CTarget()
