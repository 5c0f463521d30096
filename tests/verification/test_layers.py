"""The functions of a linear layer are verified too: of losses with parameters, of labels, and with both."""

import pytest

import derive
from derive.verification import verify
from derive.verification.finding import Finding

LOSSES = ["softmax+weighted-cross-entropy", "softmax+-(1 - y[k])**gamma*log(y[k])"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return derive.build(n=3, out=out, compositions=LOSSES, targets=["numpy"], layer=True).folder


def of_layers(folder) -> list[Finding]:
    return [finding for finding in verify(folder) if finding.part.startswith("layer")]


def test_every_layer_is_compared_with_its_definition(built):
    findings = of_layers(built)
    assert [(each.composition, each.part) for each in findings] == [
        (name, f"layer {dtype}") for name in LOSSES for dtype in ("float32", "float64")
    ]
    assert all(each.passed and each.count > 0 for each in findings)


def test_a_parameter_of_a_layers_name_gets_an_underscore(built):
    text = (built / "numpy" / "softmax_weighted_cross_entropy_layer.py").read_text()
    assert "w: ArrayLike, b: ArrayLike, t: ArrayLike, *, w_: ArrayLike, reduction" in " ".join(text.split())


def test_a_wrong_layer_fails_with_a_sentence(built):
    path = built / "numpy" / "softmax_weighted_cross_entropy_layer.py"
    right = path.read_text()
    try:
        path.write_text(right.replace("z_grad @ weights.T", "1.001 * z_grad @ weights.T"))
        failed = [each for each in of_layers(built) if not each.passed]
    finally:
        path.write_text(right)
    assert len(failed) == 1
    assert failed[0].problem.startswith("x_grad of loss_and_gradients with reduction sum in float32 is off by")
