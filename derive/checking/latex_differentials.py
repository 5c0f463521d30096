"""The parts of a fraction that is a derivative."""

from derive.checking.latex_tokens import Token


def is_differential(tokens: list[Token]) -> bool:
    """Whether a part of a fraction is one of a derivative: ∂L, ∂z_j, or dL."""
    first = tokens[0]
    return first.text == r"\partial" or (first.text == "d" and first.kind in ("letter", "word") and len(tokens) > 1)


def split_differentials(tokens: list[Token]) -> list[list[Token]]:
    """The variables of ∂z_i ∂z_j, or of ∂z_i²."""
    pieces: list[list[Token]] = []
    for place, token in enumerate(tokens):
        if token.text == r"\partial" or (token.text == "d" and (place == 0 or token.kind == "word")):
            pieces.append([])
        elif pieces:
            pieces[-1].append(token)
    return [each for piece in pieces if piece for each in _without_power(piece)]


def _without_power(piece: list[Token]) -> list[list[Token]]:
    """z_i twice for z_i²."""
    for mark in (["^", "2"], ["^", "{", "2", "}"]):
        if [token.text for token in piece[-len(mark) :]] == mark:
            return [piece[: -len(mark)]] * 2
    return [piece]
