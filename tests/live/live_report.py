"""What `make live` prints in the end: each scenario, how it went, and what had to stay in the Saleor."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Optional

import pytest
from live_shop import Shop

FOLDER = Path(__file__).parents[2] / "test-results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One scenario as it went."""

    scenario: str
    outcome: str
    seconds: float


class LiveReport:
    """Collects outcomes while the scenarios run, prints them, and writes them to `test-results/`."""

    of_this_run: ClassVar[Optional["LiveReport"]] = None

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self.shop: Shop | None = None
        self._outcomes: list[Outcome] = []
        self._claims: dict[str, str] = {}
        LiveReport.of_this_run = self

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what each scenario claims."""
        for item in session.items:
            doc = getattr(getattr(item, "function", None), "__doc__", None) or item.name
            case = f" [{item.name.partition('[')[2]}" if "[" in item.name else ""
            self._claims[item.nodeid] = doc.strip().splitlines()[0] + case

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a scenario went."""
        if report.when == "call" or (report.outcome != "passed" and report.when == "setup"):
            self._outcomes.append(
                Outcome(
                    scenario=self._claims.get(report.nodeid, report.nodeid),
                    outcome=report.outcome,
                    seconds=round(report.duration, 1),
                )
            )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report, and write it down."""
        version = self.shop.version if self.shop else "not reached"
        passed = sum(outcome.outcome == "passed" for outcome in self._outcomes)
        terminalreporter.section(f"live report: Saleor {version}")
        for outcome in self._outcomes:
            terminalreporter.write_line(f"{outcome.outcome:7} {outcome.seconds:6.1f} s  {outcome.scenario}")
        terminalreporter.write_line("")
        terminalreporter.write_line(f"{passed} of {len(self._outcomes)} scenarios passed at {self.api_url}")
        for left in self.shop.left_behind if self.shop else ():
            terminalreporter.write_line(f"stays: {left}")
        FOLDER.mkdir(exist_ok=True)
        written = {"saleor": version, "scenarios": [asdict(outcome) for outcome in self._outcomes]}
        (FOLDER / f"live-{version}.json").write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")
