r"""The commands of LaTeX that a formula may use, by what they are; any other is refused where it stands."""

FONTS = {
    "mathbf", "boldsymbol", "bm", "bf", "vec", "mathbb", "mathcal", "mathfrak", "mathscr", "pmb", "underline",
    "mathbbm", "overrightarrow", "mathds", "mathnormal", "symbf", "symbfit", "symbfup", "vb", "va", "vect", "mat", "bs",
    "mathbfit", "mathbold", "cal", "it", "sf", "tt", "scr", "frak", "Bbb", "bold", "mathord",
}  # fmt: skip
SILENT = {
    "left", "right", "middle", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg", "biggl", "biggr", "Biggl",
    "Biggr", "bigm", "Bigm", "biggm", "Biggm", "quad", "qquad", "displaystyle", "textstyle", "scriptstyle",
    "scriptscriptstyle", "limits", "nolimits", "displaylimits", "nonumber", "notag", "hfill", "thinspace", "enspace",
    "medspace", "thickspace", "negthinspace", "negmedspace", "negthickspace", "hspace", "vphantom", "phantom",
    "allowbreak", "nobreak", "relax", "null", "mathopen", "mathclose", "mathpunct", "mathinner", "qty", "small",
    "large", "Large", "normalsize", "footnotesize", "newline", "linebreak",
}  # fmt: skip
SYNONYMS = {
    "neq": "≠", "ne": "≠", "not=": "≠", "cdot": "·", "cdotp": "·", "bullet": "·", "times": "×", "odot": "⊙",
    "circ": "⊙", "ast": "*", "equiv": "=", "triangleq": "=", "coloneqq": "=", "coloneq": "=",
    "eqqcolon": "=", "defeq": "=", "eqdef": "=", "doteq": "=", "eq": "=", "lbrace": r"\{", "rbrace": r"\}",
    "lbrack": "[", "rbrack": "]", "llbracket": "[", "rrbracket": "]", "lparen": "(", "rparen": ")", "lvert": "|",
    "rvert": "|", "vert": "|", "mid": "|", "Vert": r"\|", "lVert": r"\|", "rVert": r"\|", "parallel": r"\|",
    "colon": ":", "div": "/", "slash": "/", "oslash": "/", "implies": "=", "Rightarrow": "=", "Longrightarrow": "=",
    "iff": "=", "Leftrightarrow": "=", "Longleftrightarrow": "=", "prime": "'", "grad": r"\nabla",
    "dotsc": r"\dots", "dotso": r"\dots", "dotsb": r"\cdots", "dotsm": r"\cdots", "hdots": r"\dots",
    "backslash": r"\setminus", "smallsetminus": r"\setminus",
    "cr": "\\\\", "tabularnewline": "\\\\",
}  # fmt: skip
MEANINGFUL = {
    "log", "ln", "exp", "tanh", "sinh", "cosh", "diag", "max", "sum", "frac", "dfrac", "tfrac", "cfrac", "sqrt",
    "partial", "nabla", "hat", "widehat", "bar", "dot", "tilde", "widetilde", "overline", "top", "intercal",
    "otimes", "dots", "cdots", "vdots", "ddots", "ldots", "operatorname", "in", "forall", "setminus", "atop", "langle",
    "rangle", "lim", "int", "prod", "over", "underbrace", "overbrace", "norm", "abs", "pdv", "pd", "pderiv", "dv",
    "odv",
}  # fmt: skip
"""Commands that the grammar knows."""
SPELLED = {
    "softmax": "softmax", "Softmax": "softmax", "SoftMax": "softmax", "logsoftmax": "log_softmax", "sigmoid": "sigmoid",
    "Diag": "diag", "sgn": "sign", "sign": "sign", "tr": "trace", "Tr": "trace", "trace": "trace", "lse": "logsumexp",
    "LSE": "logsumexp", "logsumexp": "logsumexp", "onehot": "onehot", "KL": "KL", "CE": "CE", "dd": "d",
    "E": "E", "loss": "loss", "Loss": "loss",
    "because": "because",
}  # fmt: skip
"""Commands that people define for a word, and that word."""
ONES = {"one", "ones", "bbone", "indicator", "ind", "onevec", "vone"}
"""Commands that people define for a bold or blackboard 1."""
LETTERS = {
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "varkappa", "lambda", "mu", "nu", "xi", "omicron", "pi", "varpi", "rho", "varrho", "sigma", "varsigma", "tau",
    "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma",
    "Upsilon", "Phi", "Psi", "Omega", "digamma", "ell", "hbar", "imath", "jmath", "wp", "infty", "star", "dagger",
    "ddagger", "transp", "T", "tran", "transpose", "trans", "R",
}  # fmt: skip
RELATIONS = {
    f"\\{name}" for name in (
        "approx", "simeq", "sim", "cong", "propto", "le", "leq", "ge", "geq", "succ", "succeq", "prec", "preceq", "ll",
        "gg", "to", "rightarrow", "mapsto", "lesssim", "gtrsim", "leqslant", "geqslant", "asymp", "lt", "gt",
        "longrightarrow", "leftarrow", "gets",
    )
}  # fmt: skip
"""Between two expressions, but no equals signs."""
