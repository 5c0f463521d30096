"""Tables and cases of a LaTeX formula."""

from derive.checking.dots import DOTS, read_dots
from derive.checking.formula import Choice, Name, Node, Same, Table
from derive.checking.latex_cursor import Cursor

_TABLES = ("pmatrix", "bmatrix", "matrix", "vmatrix", "Bmatrix", "smallmatrix", "array")


class Environments(Cursor):
    r"""Reading between `\begin` and `\end`; what stands in a cell is read by the grammar."""

    def terms(self) -> Node:
        """What stands in a cell."""
        raise NotImplementedError

    def environment(self, *, cases: bool = False) -> Node:
        """A table, or cases."""
        name = self.take().text[len(r"\begin{") : -1]
        if name != "cases" and name not in _TABLES:
            raise self.failure(f"the environment {name} is not read; allowed are cases, array and the matrices")
        if name == "array":
            self.group_tokens()
        rows = self.cases(name) if cases or name == "cases" else self.table(name)
        if cases:
            self.skip(r"\}")
        return rows

    def table(self, name: str) -> Node:
        """The rows of a matrix."""
        rows: list[list[Node]] = [[]]
        while not self.skip(rf"\end{{{name}}}"):
            if self.now.kind == "end":
                raise self.failure(rf"\end{{{name}}} is missing")
            if self.next(*DOTS):
                rows[-1].append(Name(self.take().text))
            elif self.skip("\\\\"):
                rows.append([])
            elif not self.skip("&"):
                rows[-1].append(self.terms())
        written = tuple(tuple(row) for row in rows if row)
        if not written:
            raise self.failure(f"the {name} before it has no entries")
        dotted = any(isinstance(entry, Name) and entry.name in DOTS for row in written for entry in row)
        return read_dots(written) if dotted else Table(written)

    def cases(self, name: str) -> Node:
        """The cases of an expression."""
        found: list[tuple[Same | None, Node]] = []
        while not self.skip(rf"\end{{{name}}}"):
            self.skip("&")
            value = self.terms()
            while self.skip("="):  # each case may be an equation of its own
                value = self.terms()
            while self.skip(",", "&", ";"):
                pass
            found.append((self.condition(), value))
            while self.skip("\\\\", "&", ".", ",", ";"):
                pass
        return Choice(tuple(found))
