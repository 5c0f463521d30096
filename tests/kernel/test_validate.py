from dataclasses import replace

import pytest

from derive.errors import KernelError
from derive.kernel.expressions import ONE, add, call, sub
from derive.kernel.ir import LABEL, Array, Call, Element, Kernel, Let, Loop, Map, Reduce, Same, Scalar, Statement
from derive.kernel.validate import validate

Z, OUT = Element("z", "j"), Element("out", "j")
SUM = Reduce("total", "sum", "j", Z)
STORE = Map("out", ("j",), call("mul", Z, Scalar("total")))
SOUND = Kernel("scaled", (Array("z", 1),), (Array("out", 1),), (SUM, STORE))


def with_body(*body: Statement) -> Kernel:
    return replace(SOUND, body=body)


def test_a_sound_kernel_is_returned() -> None:
    assert validate(SOUND) is SOUND


def test_an_entry_may_be_overwritten_by_what_reads_it() -> None:
    validate(with_body(SUM, STORE, Map("out", ("j",), call("exp", OUT))))


def test_a_loop_may_reduce_what_it_stores() -> None:
    validate(with_body(Loop("j", (Map("out", ("j",), Z), Reduce("total", "sum", "j", OUT)))))


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        (with_body(STORE, SUM), "total is read before it is known"),
        (with_body(SUM, SUM, STORE), "total is defined twice"),
        (with_body(SUM), "the output out is never written"),
        (with_body(SUM, Map("z", ("j",), Scalar("total"))), "the input z is written"),
        (with_body(SUM, Map("scratch", ("j",), Z)), "neither an output nor a declared work array"),
        (with_body(SUM, Map("out", ("i", "j"), Z)), "out has 1 axes"),
        (with_body(SUM, Map("out", ("j",), Element("z", "k"))), "the index k is not bound"),
        (with_body(SUM, Map("out", ("j",), Element("z", LABEL))), "the label of a kernel that takes none"),
        (with_body(SUM, Map("out", ("j",), OUT)), "out is read before it is written"),
        (with_body(Let("out", ONE)), "out is an output of rank 1"),
        (with_body(SUM, Map("out", ("j",), call("less", Z, ONE))), "a truth value, not a number"),
        (with_body(SUM, Map("out", ("j",), call("select", Z, ONE, ONE))), "argument 1 of select, z[j], is a number"),
        (with_body(SUM, Map("out", ("j",), add(Z, Same("j", "j")))), "argument 2 of add, j is j, is a truth value"),
        (with_body(SUM, Map("out", ("j",), Call("sub", (Z,)))), "sub takes 2 arguments, not 1"),
        (with_body(SUM, Map("out", ("j",), call("sinh", Z))), "there is no operation sinh"),
        (with_body(Loop("j", (SUM, STORE))), "total is read before it is known"),
        (with_body(Loop("k", (SUM,))), "it runs over j within a loop over k"),
        (replace(SOUND, work=("z",)), "z is declared twice"),
    ],
)
def test_each_fault_is_named(kernel: Kernel, fault: str) -> None:
    with pytest.raises(KernelError, match="kernel scaled") as caught:
        validate(kernel)
    assert fault in str(caught.value)


def test_the_statement_at_fault_is_shown() -> None:
    with pytest.raises(KernelError, match=r"at `out\[j\] = z\[j\] - total`"):
        validate(with_body(Map("out", ("j",), sub(Z, Scalar("total")))))


def test_an_array_is_not_read_at_the_label_while_a_loop_fills_it() -> None:
    at_label = Reduce("total", "sum", "j", Element("out", LABEL))
    kernel = replace(with_body(Loop("j", (Map("out", ("j",), Z), at_label))), labels=True)
    with pytest.raises(KernelError, match="at the label while it fills it"):
        validate(kernel)
