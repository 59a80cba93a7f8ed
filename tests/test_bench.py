"""The benchmark still runs: a handful of requests through everything that it drives, and no word about how fast."""

import asyncio
from pathlib import Path

import pytest

from bench import memory
from bench.__main__ import APP, arguments, contestants_of, race
from bench.figures import FLOOR, Line, as_chart, as_table
from bench.scenarios import Cost


def a_cost(each_s: float, *, p99_ms: float = 4.0, processor_ms: float = 2.0) -> Cost:
    """Make a cost of so many requests a second."""
    return Cost(each_s=each_s, p50_ms=1.0, p99_ms=p99_ms, processor_ms=processor_ms)


@pytest.mark.timeout(240)
def test_every_scenario_is_answered(tmp_path: Path) -> None:
    """The app and the floor answer every scenario as it is meant to be measured, and start again on their databases."""
    asked = arguments(["--requests", "3", "--rounds", "1", "--at-once", "2"])

    async def run() -> tuple[list[tuple[str, list[str]]], list[str]]:
        async with contestants_of("sqlite", asked, tmp_path) as (contestants, driver):
            lines, seen = await race(contestants, driver, asked)
        return [(line.scenario, sorted(line.rounds)) for line in lines], sorted(seen["start_s"])

    both = [APP, FLOOR]
    lines = [("gateway", both), ("initialize", both), ("process", both), ("notification", both), ("admin", [APP])]
    assert (lines, [APP]) == asyncio.run(run())


@pytest.mark.timeout(240)
def test_memory_is_told_by_payments(tmp_path: Path) -> None:
    """The app and the floor serve payments up to each mark, and are asked for their memory there."""
    asked = memory.arguments([])

    async def run() -> list[tuple[float, list[str], bool]]:
        async with contestants_of("sqlite", asked, tmp_path) as (contestants, driver):
            seen = await memory.serve(contestants, driver, [2, 5])
        return [(line.pop("payments"), sorted(line), min(line.values()) > 10) for line in seen]

    both = [APP, FLOOR]
    assert [(0, both, True), (2, both, True), (5, both, True)] == asyncio.run(run())


def test_ratios_are_taken_round_by_round() -> None:
    """What falls on a whole round falls on both, and is no difference between them."""
    line = Line(scenario="process", at_once=16)
    for slowness in (1, 5, 1):
        line.add([APP, FLOOR], [a_cost(300 / slowness), a_cost(400 / slowness)])
    assert 0.75 == line.ratio(APP, FLOOR, "each_s")


def test_the_table_shows_the_medians() -> None:
    """A row has the median of each column, and the ratios to the others."""
    line = Line(scenario="process", at_once=16)
    for each_s in (100.0, 300.0, 200.0):
        line.add([APP, FLOOR], [a_cost(each_s, p99_ms=8.0, processor_ms=3.0), a_cost(400.0)])
    row = "| process | 16 | 200 | 1.0 | 8.0 | 3.00 | 400 | 1.0 | 4.0 | 2.00 | 0.50 | 2.00 | 1.50 |"
    assert row == as_table([line]).splitlines()[-1]


def test_the_chart_shows_everybody() -> None:
    """The chart has one bar for each line and contestant, with its number."""
    line = Line(scenario="process", at_once=16, rounds={APP: [a_cost(1234.0)], FLOOR: [a_cost(2000.0)]})
    chart = as_chart([line], "Requests a second")
    assert (True, True) == (">1,234/s<" in chart, ">2,000/s<" in chart)
