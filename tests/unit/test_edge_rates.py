"""How often a caller may come."""

from saleor_cinetpay.edge.lanes import LIMITS, Lane
from saleor_cinetpay.edge.rates import Rates, caller_of


class Seconds:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate() -> None:
    """After a pause a whole burst passes; then as many as the rate gives, and a refusal says how long to wait."""
    seconds = Seconds()
    rates = Rates(per_s=2, burst=3, monotonic=seconds)
    assert [0, 0, 0, 0.5] == [rates.take("a") for _ in range(4)]
    seconds.now += 0.5
    assert [0, 0.5] == [rates.take("a") for _ in range(2)]
    seconds.now += 100
    assert [0, 0, 0, 0.5] == [rates.take("a") for _ in range(4)]


def test_a_refused_call_does_not_count() -> None:
    """Whoever goes on knocking is let in as soon as whoever waits."""
    seconds = Seconds()
    rates = Rates(per_s=1, burst=1, monotonic=seconds)
    assert 0 == rates.take("a")
    assert all(rates.take("a") for _ in range(100))
    seconds.now += 1
    assert 0 == rates.take("a")


def test_callers_do_not_share() -> None:
    """One caller's flood takes nothing from another."""
    rates = Rates(per_s=1, burst=1, monotonic=Seconds())
    assert [0, 1, 0] == [rates.take("a"), rates.take("a"), rates.take("b")]


def test_callers_are_bounded() -> None:
    """However many callers come, only so many are remembered; the one that was away longest is forgotten."""
    rates = Rates(per_s=1, burst=2, most_callers=3, monotonic=Seconds())
    for caller in "abcabd":
        rates.take(caller)
    assert 3 == len(rates)
    assert 0 < rates.take("a"), "a came back before the last one came"
    assert [0, 0] == [rates.take("c") for _ in range(2)], "c was forgotten"


def test_who_an_address_belongs_to() -> None:
    """An IPv6 network is one caller, as its owner can choose the rest; a mapped IPv4 address is that address."""
    assert caller_of("2001:db8:1:2::1") == caller_of("2001:db8:1:2:ffff::9")
    assert caller_of("2001:db8:1:2::1") != caller_of("2001:db8:1:3::1")
    assert ["192.0.2.1", "192.0.2.1"] == [caller_of("192.0.2.1"), caller_of("::ffff:192.0.2.1")]
    assert ["unknown", "unknown"] == [caller_of(None), caller_of("testclient")]


def test_what_the_contract_promises_passes() -> None:
    """At least 300 notifications a second and 100 registrations a minute from one address; webhooks as they come."""
    seconds = Seconds()
    for lane, calls, every_s in ((Lane.NOTIFICATION, 300, 1), (Lane.REGISTRATION, 100, 60), (Lane.MANIFEST, 100, 60)):
        limits = LIMITS[lane]
        assert limits.per_s is not None
        rates = Rates(per_s=limits.per_s, burst=limits.burst, monotonic=seconds)
        for _ in range(10):
            assert [0] * calls == [rates.take("one") for _ in range(calls)]
            seconds.now += every_s
    assert LIMITS[Lane.WEBHOOK].per_s is None
