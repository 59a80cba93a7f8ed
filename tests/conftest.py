"""With CI=true a skipped test is a failure: what CI calls green has been run."""

import os

import pytest

_skips = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn the session red where CI skipped something."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or terminal is None:
        return
    skips = [f"{report.nodeid}: {_reason(report)}" for report in terminal.stats.get("skipped", [])]
    session.config.stash[_skips] = skips
    if skips and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List each skipped test with its reason."""
    if skips := config.stash.get(_skips, []):
        terminalreporter.section("skipped, which CI counts as failed", red=True)
        terminalreporter.write("".join(f"{skip}\n" for skip in skips))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
