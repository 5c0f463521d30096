"""Tables and cases of a LaTeX formula."""

from derive.checking.dots import BLANK, DOTS, read_table
from derive.checking.formula import Choice, Name, Node, Same
from derive.checking.latex_ranges import Ranges

_TABLES = ("pmatrix", "bmatrix", "matrix", "vmatrix", "Bmatrix", "smallmatrix", "array")


class Environments(Ranges):
    r"""Reading between `\begin` and `\end`; what stands in a cell is read by the grammar."""

    def terms(self) -> Node:
        """What stands in a cell."""
        raise NotImplementedError

    def environment(self, *, cases: bool = False) -> Node:
        """A table, or cases."""
        name = self.take().text[len(r"\begin{") : -1]
        if name != "cases" and name not in _TABLES:
            raise self.failure(f"the environment {name} is not read; allowed are cases, array and the matrices")
        rows = self.cases(name) if cases or name == "cases" else self.table(name)
        if cases:
            self.skip(r"\}")
        return rows

    def table(self, name: str) -> Node:
        """The rows of a matrix; a cell may be blank."""
        end = rf"\end{{{name}}}"
        rows: list[list[Node]] = [[]]
        while True:
            rows[-1].append(self.cell(end))
            if self.skip("&"):
                continue
            if self.now.kind == "end":
                raise self.failure(rf"{end} is missing")
            if self.skip(end):
                break
            self.expect("\\\\")
            rows.append([])
        written = tuple(tuple(row) for row in rows if row != [BLANK])
        if not written:
            raise self.failure(f"the {name} before it has no entries")
        return read_table(written)

    def cell(self, end: str) -> Node:
        """What stands in one cell."""
        if self.next(*DOTS):
            return Name(self.take().text)
        return BLANK if self.next("&", "\\\\", end) or self.now.kind == "end" else self.terms()

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
