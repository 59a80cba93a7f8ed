"""Charts, measured: what stands where in a drawing. The page draws them as SVG, and as a table beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from saleor_cinetpay.payments.figures import Count, Tally
from saleor_cinetpay.payments.operators import operator_name
from saleor_cinetpay.payments.payment import PaymentState

WIDTH = 720
HEIGHT = 180
GAP = 0.28
"""How much of a day's place stays free."""

STACKED = (PaymentState.ACCEPTED, PaymentState.PENDING, PaymentState.SUSPECT, PaymentState.REFUSED)
"""What a bar is made of, from below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a bar."""

    state: PaymentState
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day."""

    day: date
    x: float
    width: float
    parts: tuple[Part, ...]
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysChart:
    """A bar for each day."""

    bars: tuple[Bar, ...]
    top: int
    """What the upper edge stands for: a round number of payments that no day exceeds."""
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorBar:
    """What one operator brought."""

    name: str
    """As buyers call it; empty where CinetPay named none."""
    count: Count
    share: float
    """Of the largest, 0 to 100."""


def days_chart(days: Mapping[date, Tally]) -> DaysChart:
    """Measure the chart of payments by day and state."""
    top = _round_up(max((_number(tally) for tally in days.values()), default=0))
    place = WIDTH / max(len(days), 1)
    bars = [
        Bar(
            day=day,
            x=round(number * place + place * GAP / 2, 2),
            width=round(place * (1 - GAP), 2),
            parts=_parts(tally, top),
            tally=tally,
        )
        for number, (day, tally) in enumerate(days.items())
    ]
    return DaysChart(bars=tuple(bars), top=top)


def operator_bars(accepted_by_operator: Mapping[str, Count]) -> Sequence[OperatorBar]:
    """Measure the chart of accepted payments by operator, the largest first."""
    largest = max((count.number for count in accepted_by_operator.values()), default=0)
    return [
        OperatorBar(
            name=operator_name(operator) if operator else "", count=count, share=round(100 * count.number / largest, 1)
        )
        for operator, count in accepted_by_operator.items()
    ]


def _parts(tally: Tally, top: int) -> tuple[Part, ...]:
    parts, base = [], float(HEIGHT)
    for state in STACKED:
        if number := tally.of(state).number:
            height = HEIGHT * number / top
            base -= height
            parts.append(Part(state=state, y=round(base, 2), height=round(height, 2)))
    return tuple(parts)


def _number(tally: Tally) -> int:
    return sum(tally.of(state).number for state in STACKED)


def _round_up(number: int) -> int:
    """Return 4, 8, 10, 20, 40, 80, 100 ...: the first of them that is not less."""
    power = 1
    while True:
        for step in (4, 8, 10):
            if number <= step * power:
                return step * power
        power *= 10
        if number <= 2 * power:
            return 2 * power
