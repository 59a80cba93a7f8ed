"""When an unpaid payment is looked at again, and how a failed attempt waits."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, islice, pairwise, repeat, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_cinetpay.schedule import MAX_STEPS, next_look_at, parse_delays_s, retry_delay_s
from saleor_cinetpay.settings import Settings

OPENED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEFAULT = parse_delays_s(Settings.model_fields["check_delays_s"].default)
HOUR_S, DAY_S = 3600, 86400

delays = st.lists(st.integers(1, 10_000), min_size=1, max_size=20).map(lambda seconds: tuple(map(float, seconds)))


def looks_s(delays_s: Sequence[float]) -> Iterator[float]:
    """Yield the seconds after opening at which looks follow, walking from each to the next."""
    at = OPENED_AT
    while True:
        at = next_look_at(OPENED_AT, at, delays_s)
        yield (at - OPENED_AT).total_seconds()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5", (5.0,)),
        (" 5 , 10 ", (5.0, 10.0)),
        ("0.5,300*3", (0.5, 300.0, 300.0, 300.0)),
        ("300 * 2", (300.0, 300.0)),
        (f"1*{MAX_STEPS}", (1.0,) * MAX_STEPS),
    ],
)
def test_delays_are_read(written: str, expected: tuple[float, ...]) -> None:
    """Delays are seconds with commas between them, `*` repeating one."""
    assert expected == parse_delays_s(written)


@pytest.mark.parametrize(
    "written",
    [
        *("", ",", "5,", "soon", "0", "-5", "nan", "inf", "40000000"),
        *("5*0", "5*-1", "5*1.5", "5*x", "*5", "5*2*2", f"5*{MAX_STEPS + 1}", f"5*{MAX_STEPS},5"),
    ],
)
def test_what_is_no_delay_is_refused(written: str) -> None:
    """Anything but positive, sensible numbers is refused with a sentence that names the fault."""
    with pytest.raises(ValueError, match=r"is no delay: |more than \d+ delays"):
        parse_delays_s(written)


@given(delays)
def test_written_delays_are_read_back(seconds: tuple[float, ...]) -> None:
    """What is written with commas is read back as it was."""
    assert seconds == parse_delays_s(",".join(map(str, seconds)))


def test_the_default_timetable_is_the_contract() -> None:
    """Looks follow after 5, 15, 30, 60, 120 s, then every 5 min for an hour, every 30 min for a day, and every 6 h."""
    week_s = list(takewhile(lambda at_s: at_s <= 7 * DAY_S, looks_s(DEFAULT)))
    assert [5, 15, 30, 60, 120] == week_s[:5]
    assert [120 + 300 * n for n in range(1, 13)] == week_s[5:17]
    assert [120 + HOUR_S + 1800 * n for n in range(1, 47)] == week_s[17:63]
    assert {6.0 * HOUR_S} == {later - earlier for earlier, later in pairwise(week_s[62:])}
    assert 63 + 23 == len(week_s)


@given(delays, st.integers(0, 100_000))
def test_the_next_look_is_the_next_of_the_timetable(seconds: tuple[float, ...], elapsed_s: int) -> None:
    """After any moment comes the first later look of the timetable, never one that is past, none left out."""
    next_at = next_look_at(OPENED_AT, OPENED_AT + timedelta(seconds=elapsed_s), seconds)
    timetable_s = accumulate(chain(seconds, repeat(seconds[-1])))
    assert OPENED_AT + timedelta(seconds=next(at_s for at_s in timetable_s if at_s > elapsed_s)) == next_at


@given(delays)
def test_following_the_looks_walks_the_timetable(seconds: tuple[float, ...]) -> None:
    """Asking at each look for the next one leaves no delay out, and the last one repeats for ever."""
    walked_s = islice(looks_s(seconds), len(seconds) + 3)
    assert list(accumulate([*seconds, *[seconds[-1]] * 3])) == list(walked_s)


def test_a_clock_that_went_back_still_finds_a_look() -> None:
    """A moment before the opening is followed by the first look."""
    assert OPENED_AT + timedelta(seconds=5) == next_look_at(OPENED_AT, OPENED_AT - timedelta(hours=1), DEFAULT)


@pytest.mark.parametrize(
    ("failing_for_s", "expected_s"),
    [(-5, 2), (0, 2), (10, 5), (60, 30), (600, 30), (1200, 60), (DAY_S, 4320), (5 * DAY_S, 21600), (90 * DAY_S, 21600)],
)
def test_a_failure_waits_ever_longer(failing_for_s: float, expected_s: float) -> None:
    """A failed attempt waits seconds at first, more the longer it has been failing, and six hours at most."""
    assert expected_s == retry_delay_s(timedelta(seconds=failing_for_s))


@given(st.floats(0, 600))
def test_ten_minutes_of_tries_are_dense(failing_for_s: float) -> None:
    """During its first ten minutes a failure is tried again within 30 s."""
    assert 2 <= retry_delay_s(timedelta(seconds=failing_for_s)) <= 30


@given(st.floats(0, 10**7), st.floats(0, 10**7))
def test_a_wait_never_becomes_shorter(one_s: float, other_s: float) -> None:
    """What has failed for longer waits at least as long."""
    sooner, later = sorted((one_s, other_s))
    assert retry_delay_s(timedelta(seconds=sooner)) <= retry_delay_s(timedelta(seconds=later))
