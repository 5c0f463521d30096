"""No text does more than be read or refused: it runs nothing, imports nothing, opens no file, and answers at once."""

import builtins
import contextlib
import importlib
import io
import os
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from derive.catalogue import losses, read_composition
from derive.catalogue.parameters import read_ranges
from derive.cli import main
from derive.errors import DefinitionError, DeriveError
from derive.language.read import read

SECONDS = 2

ATTACKS = [
    "__import__('os').system('touch made')",
    "().__class__.__bases__[0].__subclasses__()",
    "y.__class__",
    "np.__loader__.load_module('os')",
    "sum.__globals__",
    "(lambda: 1)()",
    "(x := 3)",
    "open('made', 'w')",
    "eval('1')",
    "exec('1')",
    "f'{y}'",
    "[y for y in ().__class__.__mro__]",
    "sum(y[i] for i in range(10**9))",
    "sum(y[i] for i in __import__('os').environ)",
    "9**9**9",
    "2**2**2**2**2**2",
    "((10**12)**64)**64",
    "exp(exp(exp(exp(exp(1000)))))",
    "sqrt(10**12 - 1)**63",
    "1e999",
    "1j",
    "0x" + "f" * 5000,
    "1" * 5000,
    "(" * 10_000 + "1" + ")" * 10_000,
    "[" * 10_000,
    "-" * 9_000 + "1",
    "sum(" * 200 + "y" + ")" * 200,
    "sum(t*у)",  # a Cyrillic letter
    "sum(ｔ*ｙ)",  # fullwidth letters, which Python reads as t and y
    "sum(t*y²)",
    "sum(t−y)",  # a minus sign
    "sum(t*y)\u202e",
    "\x00",
    "y\x00[i]",
    "sum(t*y)\nimport os",
    "sum(t*y);1",
    "\ud800",
    "sum(y[i]**(y[i]**(y[i]**(y[i]))) for i in range(n))",
    "(sum(y) + sum(t) + 1)**64",
    "sum((y + t + a + b + c)**60)",
]

ALPHABET = [
    *"ytznab0129.,()[]+-*/@ '\"\\:#{}=<>!&|~^%\n\t",
    "y[i]", "t[i]", "sum(", " for i in range(n)", "log(", "exp(", "**", "mean(", "lambda ", "__import__", "._", "np.",
    "у", "ｙ", "²", "\x00", "if ", " else ", "await ", "yield ", "9" * 40, "e400",
]  # fmt: skip

soup = st.lists(st.sampled_from(ALPHABET), max_size=40).map("".join)
anything = st.text(max_size=60)
brief = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def nothing_else_happens(monkeypatch: pytest.MonkeyPatch):
    """Opening a file, importing a module, running code and starting a process fail the test."""
    before = builtins.__import__

    def guarded(name: str, *arguments: object, **keywords: object) -> object:
        assert name.partition(".")[0] not in {"os", "subprocess", "socket", "shutil"}, f"imported {name}"
        return before(name, *arguments, **keywords)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    @contextlib.contextmanager
    def watch():
        with monkeypatch.context() as patch:
            for owner, name in ((builtins, "open"), (io, "open"), (builtins, "eval"), (builtins, "exec"),
                                (os, "system"), (importlib, "import_module")):  # fmt: skip
                patch.setattr(owner, name, refuse)
            patch.setattr(builtins, "__import__", guarded)
            yield

    importlib.import_module("sympy.tensor.tensor")  # SymPy imports some of itself late; let it, before any text is seen
    for loss in losses():
        read_composition(f"softmax+{loss}")
    return watch


def in_time(action) -> None:
    """Do `action`, which may refuse with one sentence."""
    started = time.monotonic()
    with contextlib.suppress(DeriveError):
        action()
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("text", ATTACKS, ids=[f"{number}" for number in range(len(ATTACKS))])
def test_an_attack_is_read_or_refused_and_nothing_else(nothing_else_happens, text: str) -> None:
    with nothing_else_happens():
        in_time(lambda: read(text))
        in_time(lambda: read_composition(f"softmax+{text}"))
        in_time(lambda: read_ranges(text))


@given(text=soup | anything)
@brief
@example(text="sum(y)**0.1**-1")
def test_no_text_does_anything_but_be_read_or_refused(nothing_else_happens, text: str) -> None:
    with nothing_else_happens():
        in_time(lambda: read(text))
        in_time(lambda: read_ranges(text))


@given(text=soup | anything)
@settings(brief, max_examples=60)
def test_a_refusal_is_one_printable_sentence_with_a_position(text: str) -> None:
    refusal = refuse(text)
    sentence = str(refusal)
    assert sentence.isascii()
    assert "\n" not in sentence
    assert "\x00" not in sentence
    assert len(sentence) < 500
    assert refusal is None or 0 <= refusal.position <= len(text)


def refuse(text: str) -> DefinitionError | None:
    """What `read` says of a text that it refuses."""
    try:
        read(text)
    except DefinitionError as refusal:
        return refusal
    return None


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("sum(t*у)", 6, "CYRILLIC SMALL LETTER U"),
        ("sum(ｔ*y)", 4, "FULLWIDTH LATIN SMALL LETTER T"),
        ("sum(t*y²)", 7, "SUPERSCRIPT TWO"),
        ("γ*sum(t*y)", 0, "GAMMA; write gamma"),
    ],
)
def test_a_letter_that_looks_like_another_is_named(text: str, position: int, words: str) -> None:
    refusal = refuse(text)
    assert refusal is not None
    assert refusal.position == position
    assert words in str(refusal)


@pytest.mark.parametrize("text", ATTACKS[:-3], ids=[f"{number}" for number in range(len(ATTACKS) - 3)])
def test_show_answers_every_attack_in_one_line(capsys, tmp_path, monkeypatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    status = main(["show", f"softmax+{text}", "--quantity", "value"])
    assert time.monotonic() - started < SECONDS
    out, err = capsys.readouterr()
    assert status in (0, 2)
    if status == 2:
        assert (out, err.count("\n")) == ("", 1)
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


LARGE = [
    f"{'sum(' * 12}{'*'.join(f'y[i{level}]' for level in range(12))}"
    + "".join(f" for i{level} in range(n))" for level in range(12)),
    "*".join(f"sum(y**{power})" for power in range(2, 62)),
    f"sum({'*'.join(f'tanh({factor}*y)' for factor in range(1, 25))})",
    "(sum(y) + 1)**64 * (sum(t*y) + 2)**64",
]


@pytest.mark.parametrize("text", LARGE, ids=["nested sums", "a product of sums", "a product of functions", "powers"])
def test_what_would_take_minutes_is_refused_with_a_sentence_or_derived(capsys, text: str) -> None:
    status = main(["show", f"softmax+{text}", "--quantity", "hessian"])
    out, err = capsys.readouterr()
    assert status in (0, 2)
    if status == 2:
        assert (out, err.count("\n")) == ("", 1)
