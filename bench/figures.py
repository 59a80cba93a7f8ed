"""What was measured, as a table, as JSON and as a chart."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from bench.scenarios import Cost

FLOOR = "floor"
COLUMNS = ("req/s", "p50 ms", "p99 ms", "CPU ms")
ROW, LEFT, WIDTH, BAR, TOP = 22, 250, 420, 15, 58
COLOURS = ("#1f6f5c", "#c9ccd1", "#b98b2f")


@dataclass(kw_only=True)
class Line:
    """One scenario with so many at once: the costs of each round, by who it was."""

    scenario: str
    at_once: int
    rounds: dict[str, list[Cost]] = field(default_factory=dict)

    def add(self, names: Iterable[str], costs: Sequence[Cost]) -> None:
        """Keep a round."""
        for name, cost in zip(names, costs, strict=False):
            self.rounds.setdefault(name, []).append(cost)

    def middle(self, name: str) -> Cost:
        """Return the medians of somebody's rounds."""
        return Cost(**{one.name: median(getattr(cost, one.name) for cost in self.rounds[name]) for one in fields(Cost)})

    def ratio(self, name: str, against: str, of: str) -> float | None:
        """Return the median of the rounds' ratios; None where only one of the two was measured."""
        if name not in self.rounds or against not in self.rounds:
            return None
        pairs = zip(self.rounds[name], self.rounds[against], strict=True)
        ratios: list[float] = [getattr(mine, of) / max(getattr(theirs, of), 1e-9) for mine, theirs in pairs]
        return median(ratios)


def as_json(lines: Sequence[Line], conditions: dict[str, Any]) -> dict[str, Any]:
    """Return everything, the single rounds too."""
    return {
        "conditions": conditions,
        "lines": [
            {
                "scenario": line.scenario,
                "at_once": line.at_once,
                "medians": {name: asdict(line.middle(name)) for name in line.rounds},
                "rounds": {name: [asdict(cost) for cost in costs] for name, costs in line.rounds.items()},
            }
            for line in lines
        ],
    }


def as_table(lines: Sequence[Line]) -> str:
    """Return a Markdown table: one row for each scenario and number at once, the first name being the app's."""
    names = list(dict.fromkeys(name for line in lines for name in line.rounds))
    app, *others = names
    head = ["scenario", "at once", *(f"{name} {column}" for name in names for column in COLUMNS)]
    head += [f"{what} / {other}" for other in others for what in ("req/s", "p99", "CPU")]
    rows = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for line in lines:
        row = [line.scenario, str(line.at_once)]
        for name in names:
            row += _cells(line.middle(name)) if name in line.rounds else ["-"] * len(COLUMNS)
        for other in others:
            ratios = [line.ratio(app, other, of) for of in ("each_s", "p99_ms", "processor_ms")]
            row += ["-" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_chart(lines: Sequence[Line], title: str) -> str:
    """Draw the requests a second of everybody as bars."""
    most = max(line.middle(name).each_s for line in lines for name in line.rounds)
    names = list(dict.fromkeys(name for line in lines for name in line.rounds))
    parts, y = [], TOP
    for line in lines:
        label = f"{line.scenario}, {line.at_once} at once"
        parts.append(f'<text x="{LEFT - 10}" y="{y + BAR - 3}" text-anchor="end">{escape(label)}</text>')
        for name in line.rounds:
            each_s = line.middle(name).each_s
            width = max(each_s / most * WIDTH, 1)
            colour = COLOURS[names.index(name) % len(COLOURS)]
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.0f}" y="{y + BAR - 3}">{each_s:,.0f}/s</text>')
            y += BAR + 2
        y += ROW - BAR
    key = "".join(
        f'<rect x="{LEFT + 90 * n}" y="32" width="11" height="11" fill="{COLOURS[n % len(COLOURS)]}"/>'
        f'<text x="{LEFT + 90 * n + 16}" y="42">{escape(name)}</text>'
        for n, name in enumerate(names)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 90}" height="{y}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#30343a">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="600">{escape(title)}</text>{key}{"".join(parts)}</svg>\n'
    )


def _cells(cost: Cost) -> list[str]:
    return [f"{cost.each_s:,.0f}", f"{cost.p50_ms:.1f}", f"{cost.p99_ms:.1f}", f"{cost.processor_ms:.2f}"]
