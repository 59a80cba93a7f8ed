"""What charts measure."""

from datetime import date

import pytest

from saleor_cinetpay.dashboard.charts import Bar, OperatorBar, Part, days_chart, operator_bars
from saleor_cinetpay.payments.figures import Count, Tally
from saleor_cinetpay.payments.payment import PaymentState

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def tally(**numbers: int) -> Tally:
    states = {PaymentState(state): Count(number=number, amount=number * 100) for state, number in numbers.items()}
    return Tally(by_state=states, accepted_by_operator={})


def test_a_day_is_a_bar_of_its_states() -> None:
    """The parts stand on one another from the ground, as high as their share of the round number on top."""
    empty, busy = tally(), tally(accepted=2, refused=1)
    chart = days_chart({MONDAY: empty, TUESDAY: busy})
    assert 4 == chart.top
    assert (
        Bar(day=MONDAY, x=50.4, width=259.2, parts=(), tally=empty),
        Bar(
            day=TUESDAY,
            x=410.4,
            width=259.2,
            parts=(
                Part(state=PaymentState.ACCEPTED, y=90.0, height=90.0),
                Part(state=PaymentState.REFUSED, y=45.0, height=45.0),
            ),
            tally=busy,
        ),
    ) == chart.bars


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (1, 4), (4, 4), (5, 8), (9, 10), (11, 20), (21, 40), (41, 80), (81, 100), (3334, 4000)]
)
def test_the_top_is_a_round_number(most: int, top: int) -> None:
    """It is never less than the busiest day, and halves well."""
    assert top == days_chart({MONDAY: tally(accepted=most)}).top


def test_operators_are_measured_by_the_largest() -> None:
    """The largest fills the width; each is named as buyers say it."""
    shares = operator_bars({"OM": Count(number=4, amount=400), "": Count(number=1, amount=100)})
    assert [
        OperatorBar(name="Orange Money", count=Count(number=4, amount=400), share=100.0),
        OperatorBar(name="", count=Count(number=1, amount=100), share=25.0),
    ] == shares
    assert [] == operator_bars({})
