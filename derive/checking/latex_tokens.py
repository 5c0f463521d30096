r"""LaTeX cut into tokens: letters, words, numbers and signs, with spacing, sizes and fonts left out."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from unicodedata import normalize

from derive.checking.formula import FormulaError
from derive.checking.habits import MODULES
from derive.checking.latex_commands import FONTS, LETTERS, MEANINGFUL, ONES, RELATIONS, SILENT, SPELLED, SYNONYMS
from derive.checking.vocabulary import is_word


@dataclass(frozen=True)
class Token:
    r"""One token.

    Attributes:
        kind: `letter` (also a command such as `\alpha`), `word` (upright text), `number`, `sign` or `end`.
        text: the letter, word or sign itself.
        position: where it begins in the formula.
    """

    kind: str
    text: str
    position: int


LONGEST_PRODUCT = 2
"""How many letters beside each other are multiplied; more of them are a word."""
_UNICODE = {
    "∑": "\\sum", "√": "\\sqrt", "∂": "\\partial", "∇": "\\nabla", "⊙": "⊙", "∘": "⊙",
    "⊗": "\\otimes", "≡": "=", "∀": "\\forall", "∈": "\\in", "∖": "\\setminus", "‖": "\\|",
    "⇒": "=", "⟹": "=", "≔": "=", "≜": "=",
    "→": "\\to", "≈": "\\approx", "∝": "\\propto", "≤": "\\le", "≥": "\\ge",
    ".*": "⊙", "./": "/", ".^": "^", ".+": "+", ".-": "-",
    "⟨": "\\langle", "⟩": "\\rangle", "…": "\\dots",
}  # fmt: skip
RAISED_LETTERS, LOWERED_SIGNS = "ᵀᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", "₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₗₘₙₚₛₜₐₑₕₒᵣᵤᵥₓ"
_RAISED_SIGNS = f"⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺{RAISED_LETTERS}"
_SMALL = str.maketrans(
    f"{_RAISED_SIGNS}{LOWERED_SIGNS}", "0123456789-+Tabcdefghijklmnoprstuvwxyz0123456789+-ijklmnpstaehoruvx"
)
"""Letters and digits set small, as they stand on the line."""

_TEXT = r"\\(?:mbox|hbox|text(?:rm|it|bf|tt|sf|normal)?|math(?:rm|it|sf|tt)|operatorname\*?|rm)(?![A-Za-z])"
_PATTERN = re.compile(
    rf"""(?P<space>\s+|~|\\[,;:! >]|%[^\n]*)
    |(?P<text>{_TEXT})\s*(?:\{{(?P<content>[^{{}}]*)\}}|(?P<bare>\w))
    |\{{\s*\\(?:rm|it|bf|sf|tt)\s+(?P<old>[A-Za-z]{{2,}})\s*\}}
    |(?P<environment>\\(?:begin|end)\s*\{{[A-Za-z]+\*?\}})
    |(?P<command>\\[A-Za-z]+)
    |(?P<escaped>\\[{{}}|\\\[\]()_\#%&])
    |(?P<number>\d+(?:\.\d+)?|\.\d+)
    |(?P<equal>==)|(?P<unequal>!=)|(?P<power>\*\*)
    |(?<![A-Za-z])(?P<module>(?:{"|".join(sorted(MODULES))})\.(?=[A-Za-z]))
    |(?<![A-Za-z])(?P<plain>(?:[Ll]og)?[Ss]oftmax|diag|sigmoid|onehot|kronecker|KroneckerDelta|logsumexp|rowsum|label|target|correct|if|for|when|where|since|because|assuming|otherwise|else
        |[A-Za-z]+_?(?:hat|true|pred|onehot|one_hot)s?)(?![A-Za-z])
    |(?P<function>exp|log|ln|tanh|sqrt|abs)(?![A-Za-z])
    |(?<![A-Za-z])(?P<greek>delta|sigma|alpha|beta|gamma|epsilon|theta|lambda|tau)(?![A-Za-z])
    |(?P<share>[½¼¾⅓⅔])
    |(?P<raised>[{_RAISED_SIGNS}]+)
    |(?P<lowered>[{LOWERED_SIGNS}]+)
    |(?P<sum>(?<![A-Za-z.])sum(?=_|\s+[^\s(=])|Σ(?=\s*[\w(\[\\{{|]))
    |(?<![A-Za-z_^])(?<![_^]{{)(?P<run>(?![A-Za-z]{{1,2}}(?:exp|log|ln|tanh)(?![A-Za-z]))[A-Za-z]{{2,}}(?:_[A-Za-z]{{2,}})*)
        (?![A-Za-z])
    |(?P<letter>[^\W\d_]\u0302?)
    |(?P<sign>\.[-+*/^]|[-+*/^_=@()\[\]{{}}|,.;:!'&<>≠·×{"".join(_UNICODE)}])""",
    re.VERBOSE,
)

_OF_SUM = re.compile(r"\s*(?:_|\^(?!\s*(?:\d+|\{\s*\d+\s*\})(?!\s*_|\d)))")
r"""What behind \Sigma says that it is a sum: \Sigma^2 is a square."""


def tokenize(text: str, own: Collection[str] = ()) -> list[Token]:
    r"""The tokens of a formula, and an `end`; `own` are commands that stand for letters, such as `\yhat`.

    Raises:
        FormulaError: a character that no formula has, or a command that is not read, with its position.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _PATTERN.match(text, position)
        if found is None:
            raise FormulaError(
                f"cannot read {text[position]!r} at position {position + 1} of the formula", text, position
            )
        if found.lastgroup == "command" and not (found.group() in own or _is_read(found.group())):
            raise FormulaError(
                f"cannot read the formula at position {position + 1}: {found.group()} is no command that is read; write"
                " what it stands for, or for a letter name its role with --let",
                text,
                position,
            )
        position = found.end()
        if found.lastgroup == "run" and not (is_word(run := found.group()) or run in own):
            if len(run) > LONGEST_PRODUCT and not is_defined(run, text):
                raise unknown_word(run, text, found.start())
            if len(run) <= LONGEST_PRODUCT:  # letters beside each other: yy
                tokens.extend(Token("letter", letter, found.start() + place) for place, letter in enumerate(run))
                continue
        _append(tokens, found)
    return [*_without_fonts(tokens), Token("end", "", len(text))]


def is_defined(word: str, text: str) -> bool:
    """Whether a word is said what it is, `share = y/2`, or stands on the left."""
    written = re.escape(word).replace("_", r"\\?_")
    return re.search(rf"(?<!\w){written}[\s}}]*(?:\[[^]]*\]\s*|_\{{?\w\}}?\s*)?=", text) is not None


def unknown_word(word: str, text: str, position: int) -> FormulaError:
    """The error for a word that is not known."""
    return FormulaError(
        f"cannot read the formula at position {position + 1}: {word} is no function or name that is known; leave out"
        " what is not the formula, put signs between letters that are multiplied, or name its role with --let",
        text,
        position,
    )


def _append(tokens: list[Token], found: "re.Match[str]") -> None:
    at, kind, whole = found.start(), found.lastgroup, found.group()
    match kind:
        case "content" | "bare" | "old":
            tokens.extend(_text(found[kind], at))
        case "environment":
            tokens.append(Token("sign", re.sub(r"\s|\*", "", whole).replace("{dcases}", "{cases}"), at))
        case "command":
            is_sum = whole == "\\Sigma" and _OF_SUM.match(found.string, found.end())
            tokens.extend(_command("sum" if is_sum else whole[1:], at))
        case "plain" | "run":
            tokens.append(Token("word", whole, at))
        case "function":
            tokens.append(Token("sign", f"\\{whole}", at))
        case "raised" | "lowered":
            on_line = whole.translate(_SMALL)
            if kind == "raised":  # eᶻⁱ: no sign is set small and low at once
                on_line = re.sub(r"(?<![A-Za-z])([a-z])([ijk])(?![A-Za-z])", r"\1_\2", on_line)
            small = tokenize(on_line)[:-1]
            tokens.extend(Token("sign", written, at) for written in ("^" if kind == "raised" else "_", "{"))
            tokens.extend(Token(token.kind, token.text, at) for token in small)
            tokens.append(Token("sign", "}", at))
        case "equal" | "unequal" | "power":
            tokens.append(Token("sign", {"equal": "=", "unequal": "≠", "power": "^"}[kind], at))
        case "sum":
            tokens.append(Token("sign", "\\sum", at))
        case "greek":
            tokens.append(Token("letter", f"\\{whole}", at))
        case "share":
            tokens.append(Token("number", normalize("NFKC", whole).replace("⁄", "/"), at))
        case "letter" if len(whole) > 1:
            tokens.append(Token("letter", f"\\hat{{{whole[0]}}}", at))
        case "letter" | "number":
            tokens.append(Token(kind, whole, at))
        case "escaped" | "sign":
            # \right. is a fence that is not printed
            if whole != "." or not tokens or tokens[-1].text not in ("\\left", "\\right"):
                tokens.append(Token("sign", _UNICODE.get(whole, whole), at))


def _command(name: str, at: int) -> list[Token]:
    if name in ("left", "right"):
        return [Token("fence", f"\\{name}", at)]
    if name == "not":
        return [Token("fence", "\\not", at)]
    if name in SILENT:
        return []
    if name in SYNONYMS:
        return [Token("sign", SYNONYMS[name], at)]
    if name in FONTS:
        return [Token("font", name, at)]
    if name in SPELLED:
        return [Token("word", SPELLED[name], at)]
    if name in ONES:
        return [Token("letter", "ones", at)]
    return [Token("sign" if name in MEANINGFUL else "letter", f"\\{name}", at)]


def _is_read(command: str) -> bool:
    name = command[1:]
    return command in RELATIONS or any(
        name in known for known in (LETTERS, MEANINGFUL, FONTS, SILENT, SYNONYMS, SPELLED, ONES, ("not",))
    )


def _text(content: str, at: int) -> list[Token]:
    """Upright text: one word, a formula between dollar signs, or a condition in words."""
    stripped = content.replace("$", " ").strip()
    if "$" in content or "=" in content or "≠" in content:
        return [token for token in tokenize(stripped)[:-1] if token.text not in ("if", "when", "for")]
    if not stripped:
        return []
    return [Token("word", re.sub(r"\s+", " ", stripped).replace(r"\_", "_"), at)]


def _without_fonts(tokens: list[Token]) -> list[Token]:
    """Fonts left out, but for a bold or blackboard 1, which is no number; and fences, whose signs stay."""
    kept: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "fence":
            if token.text == "\\not" and place + 1 < len(tokens) and tokens[place + 1].text == "=":
                kept.append(Token("sign", "≠", token.position))
                place += 1
        elif token.kind == "font":
            place += _take_font(tokens, place, kept)
        else:
            kept.append(token)
        place += 1
    return kept


def _take_font(tokens: list[Token], place: int, kept: list[Token]) -> int:
    """Append what the font at `place` covers; how many tokens more that took."""
    following = [token.text for token in tokens[place + 1 : place + 5]]
    at = tokens[place].position
    if following[:1] == ["1"]:
        kept.append(Token("letter", "ones", at))
        return 1
    if following[:3] == ["{", "1", "}"]:
        kept.append(Token("letter", "ones", at))
        return 3
    if len(following) >= 3 and following[0] == "{" and following[2] == "}":
        kept.append(replace(tokens[place + 2], position=at))
        return 3
    if following[:1] == ["{"]:
        letters = []
        for token in tokens[place + 2 :]:
            if token.kind != "letter" or len(token.text) > 1:
                break
            letters.append(token.text)
        end = place + 2 + len(letters)
        if len(letters) > 1 and end < len(tokens) and tokens[end].text == "}":
            kept.append(Token("word", "".join(letters), at))
            return len(letters) + 2
    return 0


def commands(text: str) -> list[str]:
    """The commands in a text."""
    return re.findall(r"\\[A-Za-z]+", text)


def canonical(symbol: str) -> str:
    r"""A symbol in one way of writing: `\mathbf{\hat y}` and `\hat{y}` are `\hat{y}`; text that is none as it is."""
    try:
        tokens = tokenize(symbol, commands(symbol))[:-1]
    except FormulaError:
        return symbol
    written = "".join(token.text for token in tokens)
    written = re.sub(
        r"(\\hat|\\widehat|\\bar|\\dot|\\tilde|\\widetilde|\\overline)(\\[A-Za-z]+|[^\W\d_])", r"\1{\2}", written
    )
    return re.sub(r"([_^])(\\[A-Za-z]+|\w)(?!\w)", r"\1{\2}", written).replace(r"\widehat", r"\hat")
