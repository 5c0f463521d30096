"""The table of the largest errors that the numeric tests saw, at the end of a verbose run, from every process of it."""

from typing import Any

import pytest

from tests.numeric import comparison


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What one of several processes saw, on its way to the one that reports."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["largest errors"] = [[*key, *worst] for key, worst in comparison.WORST.items()]


class _Collector:
    """Takes in what the other processes saw."""

    def pytest_testnodedown(self, node: Any) -> None:
        for *key, share, case in getattr(node, "workeroutput", {}).get("largest errors", ()):
            comparison.keep(tuple(key), share, case)


def pytest_configure(config: pytest.Config) -> None:
    """Hooks of pytest-xdist are asked for only where it is there."""
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Collector())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The largest error of every function as a share of its bound, largest first."""
    if not comparison.WORST or terminalreporter.verbosity < 1:
        return
    terminalreporter.section("largest errors, as shares of their bounds")
    for key, (share, case) in sorted(comparison.WORST.items(), key=lambda item: -item[1][0]):
        terminalreporter.write_line(f"{share:6.2f}  {' '.join(key)}: {case}")
