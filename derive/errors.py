"""Every error a user can cause, each one sentence: what was wrong, where, and what would be right."""

import difflib
from collections.abc import Iterable


class DeriveError(Exception):
    """A mistake in what the user asked for; the command line prints it and exits with status 2."""


class UnknownNameError(DeriveError):
    """A composition, quantity, target or assumption that does not exist."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, of: str = "") -> "UnknownNameError":
        """The error for `name`, which is no `kind` (`of` something): the known names that come nearest, and all."""
        names = list(known)
        nearest = difflib.get_close_matches(name, names, n=2)
        hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
        subject = f"{of} has" if of else "there is"
        return cls(f"{subject} no {kind} {name!r}; {hint}{subject} {', '.join(names)}")


class DefinitionError(DeriveError):
    """A definition that cannot be read; says the position and the offending piece.

    Attributes:
        text: the whole text that was being read.
        position: index in `text` at which the offending piece begins.
    """

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class OutputError(DeriveError):
    """A place that cannot be written, or a directory that is not one of ours."""


class MissingToolError(DeriveError):
    """A program that this command needs (a C compiler, say) is not installed."""


class UnsupportedError(DeriveError):
    """A quantity that does not exist for this composition, or an expression that a target cannot print."""


class TriplesError(UnsupportedError):
    """A closed form with a sum over triples of classes, where kernels go over pairs at most."""


class UnsafeError(DeriveError):
    """Kernels that give NaN, infinity or a wrong number at inputs where the result is finite."""


class ProofError(Exception):
    """An exact check failed: the step named is not an identity. A fault of the engine, never of the user."""


class KernelError(Exception):
    """A kernel that breaks the rules of the loop program; a fault of a pass, never of the user."""
