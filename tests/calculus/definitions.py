"""Random well-formed definitions, in the index form and as one writes them in NumPy: Python that can be evaluated."""

from dataclasses import dataclass

from hypothesis import strategies as st

Text = st.SearchStrategy[str]

SHARE = ["y[i]", "(1 - y[i])", "(y[i] + t[i])", "(1 + y[i]**2)", "exp(z[i])", "(y[i]/t[i])"]
"""Positive where y is a probability."""
ANY = ["exp(y[i])", "(1 + y[i]**2)", "exp(-z[i])", "(exp(z[i]) + t[i])", "log(1 + exp(z[i]))"]
"""Positive whatever y is."""
ACTIVATIONS = {"softmax": SHARE, "sigmoid": SHARE, "softmax-temperature": SHARE, "identity": ANY, "log-softmax": ANY}


@dataclass(frozen=True)
class Definition:
    """An activation and a loss of its output, as text; `labels` where `y[m]` stands for the entry of the label."""

    activation: str
    loss: str

    @property
    def labels(self) -> bool:
        return "[m]" in self.loss

    @property
    def name(self) -> str:
        return f"{self.activation}+{self.loss}"


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """A definition: a number a row, made of one or two sums over the classes, or of the label's entry."""
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    positive = st.sampled_from([*ACTIVATIONS[activation], "t[i]", "w[i]", "a", "2"])
    labels = draw(st.integers(0, 4)) == 0
    loss = draw(st.one_of(rows(positive), *([] if labels else [vectors(positive)])))
    if labels:
        one = (
            "y[m]"
            if activation in ("identity", "log-softmax")
            else draw(
                st.sampled_from(["log(y[m])", "(1 - y[m])**gamma", "y[m]**a", "log(1 - y[m])", "sqrt(y[m])", "z[m]"])
            )
        )
        loss = draw(st.sampled_from(["-{one}", "-({loss})*{one}", "{loss} - {one}"])).format(loss=loss, one=one)
        loss = loss.replace("t[", "w[")
    return Definition(activation, loss)


def rows(positive: Text) -> Text:
    """A number a row, in the index form."""
    share, whole = totals(positive), totals(terms(positive))
    pairs = st.tuples(whole, whole)
    return st.one_of(
        st.tuples(st.sampled_from(SHAPES), whole).map(lambda pair: pair[0].format(pair[1])),
        st.tuples(st.sampled_from(SHAPES_OF_POSITIVE), share).map(lambda pair: pair[0].format(pair[1])),
        st.tuples(whole, share).map("{0[0]}/{0[1]}".format),
        pairs.map("a*{0[0]} - {0[1]}".format),
        pairs.map("{0[0]}*{0[1]}".format),
        nested(positive),
        paired(positive),
    )


SHAPES = ["{}", "-{}", "{}/n", "({})**2", "tanh({})", "log(1 + ({})**2)", "a*{}", "sqrt(1 + ({})**2)",
          "exp(-({})**2)", "abs({})"]  # fmt: skip
SHAPES_OF_POSITIVE = ["log({})", "{}**a", "sqrt({})", "1/{}", "({})**(1/a)", "-log({}/n)"]


def reals(positive: Text) -> Text:
    """A number a class."""
    inner = st.sampled_from(["z[i]", "y[i]", "(y[i] - t[i])"])
    return st.one_of(
        positive,
        inner,
        st.sampled_from(["(t[i] - 1/n)", "w[i]"]),
        st.tuples(st.sampled_from(["tanh({})", "abs({})", "exp(-({})**2)", "({})**2"]), inner).map(
            lambda pair: pair[0].format(pair[1])
        ),
        st.tuples(st.sampled_from(["log({})", "sqrt({})", "{}**2", "{}**3", "{}**gamma", "{}**(1/a)", "1/{}",
                                   "{}**(-a)", "{}*log({})"]), positive).map(
            lambda pair: pair[0].replace("{}", pair[1])
        ),
    )  # fmt: skip


def terms(positive: Text) -> Text:
    """A sum or difference of one or two products."""
    product = st.lists(reals(positive), min_size=1, max_size=2).map("*".join)
    return st.lists(product, min_size=1, max_size=2).flatmap(
        lambda parts: st.sampled_from([" - ", " + "]).map(lambda sign: sign.join(parts))
    )


def totals(body: Text) -> Text:
    return body.map("sum({} for i in range(n))".format)


def nested(positive: Text) -> Text:
    """A sum within a sum."""
    pairs = st.tuples(terms(positive), positive)
    return pairs.map(lambda pair: f"sum(({pair[0]})*sum({_renamed(pair[1])}*y[k] for k in range(n)) for i in range(n))")


PAIRS = ["log(1 + exp(z[k] - z[i]))", "tanh(z[i] - z[k])**2", "abs(z[i] - z[k])", "sqrt(1 + (y[i] - y[k])**2)",
         "1/(1 + exp(z[i] - z[k]))", "exp(-(y[i] - y[k])**2)"]  # fmt: skip


def paired(positive: Text) -> Text:
    """A sum over pairs of classes that is no product of sums."""
    return st.tuples(terms(positive), positive, st.sampled_from(PAIRS)).map(
        lambda each: f"sum(({each[0]})*sum({_renamed(each[1])}*{each[2]} for k in range(n)) for i in range(n))"
    )


def vectors(positive: Text) -> Text:
    """As one writes it in NumPy, without an index."""
    pairs = st.tuples(terms(positive).map("z*y + {}".format), positive).map(
        lambda pair: tuple(part.replace("[i]", "") for part in pair)
    )
    return st.one_of(
        pairs.map("mean({0[0]})".format),
        pairs.map("-sum(({0[0]})*{0[1]})".format),
        pairs.map("dot({0[0]}, t + {0[1]})".format),
        pairs.map("sum({0[0]})/sqrt(1 + dot(y, y))".format),
    )


def _renamed(term: str) -> str:
    return term.replace("[i]", "[k]")
