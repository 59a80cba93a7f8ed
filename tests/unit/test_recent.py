"""What was read a moment ago: when it counts, and when it is read anew."""

import asyncio
from datetime import timedelta

from fakes import TurnedClock

from saleor_cinetpay.recent import MOST, RECENT, Recent


class Shelf:
    """Holds one value, and counts how often somebody looks."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.looks = 0
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, _key: object) -> str | None:
        """Look; the answer is what stood there when the look began."""
        self.looks += 1
        seen = self.value
        await self.open.wait()
        return seen


async def test_for_a_second_it_is_not_read_again() -> None:
    """Within a second of the reading it counts; after it what stands there by then is read."""
    shelf, clock = Shelf(), TurnedClock()
    recent = Recent(shelf.read, clock)
    assert "first" == await recent.of("key")
    shelf.value = "second"
    clock.turn(RECENT.total_seconds() - 0.001)
    assert ("first", 1) == (await recent.of("key"), shelf.looks)
    clock.turn(0.001)
    assert ("second", 2) == (await recent.of("key"), shelf.looks)


async def test_the_second_begins_with_the_reading() -> None:
    """However long a reading takes, what it brings is never older than a second."""
    shelf, clock = Shelf(), TurnedClock()
    recent = Recent(shelf.read, clock)
    shelf.open.clear()
    reading = asyncio.create_task(recent.of("key"))
    await asyncio.sleep(0)
    clock.turn(1)
    shelf.open.set()
    assert "first" == await reading
    shelf.value = "second"
    assert "second" == await recent.of("key")


async def test_each_key_has_its_own() -> None:
    """What was read of one says nothing of another."""
    shelf = Shelf()
    recent = Recent(shelf.read, TurnedClock())
    await recent.of("key")
    shelf.value = "second"
    assert ("second", "first") == (await recent.of("another"), await recent.of("key"))


async def test_what_is_forgotten_is_read_anew() -> None:
    """A change made here counts at once."""
    shelf = Shelf()
    recent = Recent(shelf.read, TurnedClock())
    await recent.of("key")
    shelf.value = "second"
    recent.forget()
    assert "second" == await recent.of("key")


async def test_a_reading_under_way_is_forgotten_too() -> None:
    """What was read before a change does not count after it, also where the answer comes later."""
    shelf = Shelf()
    recent = Recent(shelf.read, TurnedClock())
    shelf.open.clear()
    reading = asyncio.create_task(recent.of("key"))
    await asyncio.sleep(0)
    shelf.value = "second"
    recent.forget()
    shelf.open.set()
    assert "first" == await reading
    assert "second" == await recent.of("key")


async def test_that_there_is_none_is_not_kept() -> None:
    """What appears counts at once, and strangers who ask for anything fill nothing."""
    shelf = Shelf()
    shelf.value = None
    recent = Recent(shelf.read, TurnedClock())
    assert await recent.of("key") is None
    shelf.value = "first"
    assert "first" == await recent.of("key")


async def test_what_is_gone_is_not_kept() -> None:
    """Once it has been read that there is none any more, there is none."""
    shelf, clock = Shelf(), TurnedClock()
    recent = Recent(shelf.read, clock)
    await recent.of("key")
    clock.turn(1)
    shelf.value = None
    assert await recent.of("key") is None
    clock.turn(-0.5)
    assert await recent.of("key") is None


async def test_a_clock_that_is_set_back_keeps_nothing_longer() -> None:
    """What was read in what is now the future is read anew."""
    shelf, clock = Shelf(), TurnedClock()
    recent = Recent(shelf.read, clock)
    await recent.of("key")
    shelf.value = "second"
    clock.turn(-timedelta(hours=1).total_seconds())
    assert "second" == await recent.of("key")


async def test_it_keeps_only_so_many() -> None:
    """However many are asked for, memory stays bounded."""
    shelf = Shelf()
    recent = Recent(shelf.read, TurnedClock())
    for number in range(MOST + 1):
        await recent.of(number)
    await recent.of(MOST)
    assert MOST + 1 == shelf.looks
    await recent.of(0)
    assert MOST + 2 == shelf.looks
