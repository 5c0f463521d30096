"""Random programs, fused and in C, compute what the interpreter computes of the program before."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from derive.kernel.dump import dump
from derive.kernel.expressions import ONE, ZERO, add, call, mul, neg, select, sub
from derive.kernel.interpret import interpret
from derive.kernel.ir import Array, Const, Element, Expression, Kernel, Let, Map, Reduce, Scalar
from derive.kernel.validate import validate
from derive.native import Library, compile_library
from derive.targets.c import FLAGS, target
from tests.targets.programs import product

PROGRAMS = 10
BATCH = 5
LENGTHS = [1, 2, 3, 5, 8, 17, 33, 70, 130]


class Draw:
    """Expressions and programs, drawn at random."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def expression(self, leaves: list[Expression], depth: int = 3) -> Expression:
        if depth == 0 or self.random.random() < 0.2:
            return leaves[self.random.integers(len(leaves))]
        one, two, three = (self.expression(leaves, depth - 1) for _ in range(3))
        ways = (
            lambda: add(one, two, three),
            lambda: mul(one, two, one),
            lambda: mul(one, two, three),
            lambda: sub(one, two),
            lambda: neg(one),
            lambda: call("tanh", one),
            lambda: call("exp", neg(call("abs", one))),
            lambda: call("log1p", call("abs", one)),
            lambda: call("max", one, two),
            lambda: select(call("less", one, two), ZERO, three),
        )
        return ways[self.random.integers(len(ways))]()

    def kernel(self, name: str) -> Kernel:
        """Sums and a maximum, each of what went before, then a number and two vectors."""
        entries: list[Expression] = [Element("z", "j"), Element("t", "j")]
        known: list[Expression] = [ONE, Const(Fraction(-3, 2))]
        body: list[Let | Map | Reduce] = []
        for place in range(self.random.integers(1, 4)):
            operation = ("sum", "sum", "max")[self.random.integers(3)]
            reduced = Reduce(f"r{place}", operation, "j", self.expression([*entries, *known]))
            body.append(reduced)
            known.append(Scalar(reduced.name))
        body.append(Let("loss", self.expression(known)))
        body += [Map(array, ("j",), self.expression([*entries, *known])) for array in ("grad", "product")]
        outputs = (Array("loss", 0), Array("grad", 1), Array("product", 1))
        return validate(Kernel(name, (Array("z", 1), Array("t", 1)), outputs, tuple(body)))


KERNELS: dict[int | None, list[Kernel]] = {None: [Draw(seed).kernel(f"p{seed}") for seed in range(PROGRAMS)]}
KERNELS[3] = [replace(kernel, n=3) for kernel in KERNELS[None][:3]]


@pytest.fixture(scope="module", params=[None, 3])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int | None, Library]:
    n: int | None = request.param
    folder = tmp_path_factory.mktemp("programs")
    files = target.files(product(*KERNELS[n]))
    for name, text in files.items():
        (folder / name).write_text(text)
    sources = [folder / name for name in files if name.endswith(".c")]
    return n, compile_library(sources, folder, None, (*FLAGS, "-DPRECISIONS=64"))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_fused_program_computes_what_it_says(compiled: tuple[int | None, Library], length: int) -> None:
    n, library = compiled
    if n not in (None, length):
        return
    stem, sizes = ("softmax", (BATCH, length)) if n is None else (f"softmax_n{n}", (BATCH,))
    z, t = np.random.default_rng(length).normal(size=(2, BATCH, length))
    for kernel in KERNELS[n]:
        outputs = {"loss": np.empty(BATCH), "grad": np.empty_like(z), "product": np.empty_like(z)}
        assert library.call(f"{stem}_{kernel.name}_f64", *sizes, z, t, *outputs.values()) == 0
        for row in range(BATCH):
            expected = interpret(kernel, {"z": z[row], "t": t[row]})
            for name, got in outputs.items():
                np.testing.assert_allclose(got[row], expected[name], rtol=1e-9, atol=1e-9, err_msg=dump(kernel))
