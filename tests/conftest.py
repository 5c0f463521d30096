"""The table of the largest errors that the numeric tests saw, at the end of a verbose run."""

import pytest

from tests.numeric import comparison


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The largest error of every function as a share of its bound, largest first."""
    if not comparison.WORST or terminalreporter.verbosity < 1:
        return
    terminalreporter.section("largest errors, as shares of their bounds")
    for key, (share, case) in sorted(comparison.WORST.items(), key=lambda item: -item[1][0]):
        terminalreporter.write_line(f"{share:6.2f}  {' '.join(key)}: {case}")
