"""The logarithm of a number and a sum of exponentials, in NumPy and in C, where the number is all but the whole sum."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

import derive
from derive import compiled

Numbers = list[Any]

OFFSETS = (-1e4, -200.0, -88.0, -37.0, -17.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 17.0, 88.0, 200.0, 1e4)
"""What a whole row is moved by: the sum of the exponentials is from nothing beside the number to nearly all."""
SHAPES = ((0.0, -1.0, -0.5), (0.0, 0.0, 0.0), (-30.0, 0.0, -40.0), (-np.inf, 0.0, -2.0))
WEIGHTS = (0.25, 0.75, 0.0)
LABEL = 1
UNITS = 8
"""Of u, beside one for every unit that a logit is below the largest, and below the number that it is added to."""


@dataclass(frozen=True)
class Row:
    """Exact numbers: a row of logits, the weights of the classes, the logit of the label's class, a parameter."""

    z: Numbers
    t: Numbers
    own: Any
    p: Any

    @property
    def greatest(self) -> Any:
        return max(self.z)

    def exp_sum(self, scale: Any = 1) -> Any:
        return sum(mpmath.exp(scale * each) for each in self.z)

    def weighted(self) -> Any:
        return sum(a * mpmath.exp(b) for a, b in zip(self.t, self.z, strict=True))


@dataclass(frozen=True)
class Whole:
    """A loss over `identity`: as text, and as a function of a row.

    Attributes:
        text: the definition, with the parameter p.
        value: what it is.
        size: what is rounded besides the result: the error is relative to both.
        parameter: p.
    """

    text: str
    value: Callable[[Row], Any]
    size: Callable[[Row], Any] = lambda _: 0
    parameter: float = 0.0


WHOLES = {
    "one": Whole("log(1+sum(exp(z)))", lambda r: mpmath.log1p(r.exp_sum())),
    "scaled": Whole("log(1+sum(exp(p*z)))/p", lambda r: mpmath.log1p(r.exp_sum(r.p)) / r.p, parameter=2.0),
    "weighted": Whole("log(1+sum(t*exp(z)))", lambda r: mpmath.log1p(r.weighted())),
    "twice": Whole(
        "log((1+sum(exp(z)))/(2+sum(t*exp(z)))**2)",
        lambda r: mpmath.log1p(r.exp_sum()) - 2 * mpmath.log(2 + r.weighted()),
        lambda r: 3 * mpmath.log1p(r.exp_sum()) + 2,
    ),
    "beside-a-label": Whole(
        "log(1+sum(exp(z)))-z[k]",
        lambda r: mpmath.log((1 + r.exp_sum()) * mpmath.exp(-r.own)),
        lambda r: -min(r.own, 0),
    ),
    "several-numbers": Whole(
        "log(1+p*exp(-z[k])+sum(exp(z)))",
        lambda r: mpmath.log1p(r.p * mpmath.exp(-r.own) + r.exp_sum()),
        lambda r: -min(r.own, 0),
        parameter=1e-3,
    ),
    "contrastive": Whole("log(1+sum(exp(z-z[k])))", lambda r: mpmath.log1p(r.exp_sum() * mpmath.exp(-r.own))),
}
WHOLES |= {
    f"number-{number:g}": Whole(
        "log(p+sum(exp(z)))",
        lambda r: mpmath.log(r.p) + mpmath.log1p(r.exp_sum() / r.p),
        lambda r: abs(mpmath.log(r.p)) if r.greatest <= mpmath.log(r.p) else abs(r.greatest) + 1,
        number,
    )
    for number in (1e-9, 0.5, 1.0, 3.0, 1e6)
}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        compiled.load_kernels.cache_clear()
        yield
    compiled.load_kernels.cache_clear()


def numpy_module(composition: str, where: str, folder: Path) -> ModuleType:
    """The generated NumPy module of a loss that is typed in."""
    derive.build(compositions=[composition], where=where, targets=["numpy"], out=folder, name="whole")
    module = ModuleType("whole")
    exec((folder / "any" / "numpy" / "identity_whole.py").read_text(), vars(module))  # noqa: S102
    return module


@pytest.mark.parametrize("name", WHOLES)
def test_the_logarithm_keeps_the_digits_of_what_is_small_beside_a_number(name: str, tmp_path: Path) -> None:
    whole = WHOLES[name]
    where = "p > 0" if "p*" in whole.text or "p+" in whole.text else ""
    composition = f"identity+{whole.text}"
    modules = {
        "c": derive.load(composition, where=where, name="whole"),
        "numpy": numpy_module(composition, where, tmp_path),
    }
    for dtype in (np.float32, np.float64):
        unit, lost = (float(each) for each in (np.finfo(dtype).eps / 2, np.finfo(dtype).tiny))
        z = np.array([[offset + each for each in shape] for offset in OFFSETS for shape in SHAPES], dtype)
        target = np.full(len(z), LABEL) if "[k]" in whole.text else np.tile(np.array(WEIGHTS, dtype), (len(z), 1))
        given = {"p": dtype(whole.parameter)} if where else {}
        found = {place: module.loss(z, target, **given) for place, module in modules.items()}
        for number, logits in enumerate(z):
            with mpmath.workdps(60):
                row = Row(
                    exactly(logits),
                    exactly(WEIGHTS),
                    mpmath.mpf(float(logits[LABEL])),
                    *exactly([whole.parameter], dtype),
                )
                exact = whole.value(row)
                below = max(row.greatest - each for each in row.z if each != -mpmath.inf)
                allowed = (UNITS + below) * unit * (abs(exact) + whole.size(row)) + 4 * lost
                if abs(exact) > float(np.finfo(dtype).max):
                    continue
                for place, got in found.items():
                    wrong = abs(mpmath.mpf(float(got[number])) - exact)
                    assert wrong <= allowed, (place, dtype.__name__, logits, float(got[number]), float(exact))


def exactly(numbers: Any, dtype: type[Any] = np.float64) -> Numbers:
    """What the numbers are once they are rounded to `dtype`."""
    return [mpmath.mpf(float(dtype(each))) for each in numbers]
