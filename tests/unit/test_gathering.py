"""Many who ask at once share a round."""

import asyncio
from collections.abc import Collection, Mapping

import pytest
from fakes import TurnedClock

from saleor_cinetpay.errors import LedgerUnavailable, TooBusy
from saleor_cinetpay.gathering import Gathering

SPACING_S = 1.0


class Oracle:
    """Answers questions in capitals, one round after the other, and keeps what it was asked."""

    def __init__(self) -> None:
        self.rounds: list[set[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def answer(self, questions: Collection[str]) -> Mapping[str, str]:
        self.rounds.append(set(questions))
        await self.open.wait()
        if self.broken:
            raise LedgerUnavailable("away")
        return {question: question.upper() for question in questions if question != "unknown"}


def gathering(oracle: Oracle, clock: TurnedClock, most: int = 100) -> Gathering[str, str]:
    """Gather questions for the oracle."""
    return Gathering(oracle.answer, spacing_s=SPACING_S, most=most, clock=clock)


async def settled() -> None:
    """Let everybody go as far as they get without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lone_question_is_put_at_once() -> None:
    """Nobody waits where nobody else asks; what has no answer gets None."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock)
    assert "A" == await asked.ask("a")
    clock.turn(SPACING_S)
    assert None is await asked.ask("unknown")


async def test_a_flood_is_one_round() -> None:
    """All who come during a round share the next one, which begins no sooner than the spacing allows."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock)
    first = asyncio.create_task(asked.ask("a"))
    await settled()
    flood = [asyncio.create_task(asked.ask("bc"[number % 2])) for number in range(1000)]
    await settled()
    assert [{"a"}] == oracle.rounds
    clock.turn(SPACING_S)
    assert ["A", *["B", "C"] * 500] == await asyncio.gather(first, *flood)
    assert [{"a"}, {"b", "c"}] == oracle.rounds


async def test_nobody_gets_an_answer_older_than_the_question() -> None:
    """Whoever asks while a round is under way waits for the next, also with the same question."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock)
    oracle.open.clear()
    first = asyncio.create_task(asked.ask("a"))
    await settled()
    second = asyncio.create_task(asked.ask("a"))
    clock.turn(SPACING_S)
    await settled()
    assert [{"a"}] == oracle.rounds, "rounds follow one another"
    oracle.open.set()
    assert ("A", "A") == (await first, await second)
    assert [{"a"}, {"a"}] == oracle.rounds


async def test_a_round_that_fails_fails_for_all_of_it() -> None:
    """Everybody of a round hears why it failed, and the next round is a new one."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock)
    oracle.broken = True
    heard = await asyncio.gather(asked.ask("a"), asked.ask("b"), return_exceptions=True)
    assert [LedgerUnavailable, LedgerUnavailable] == [type(one) for one in heard]
    oracle.broken = False
    clock.turn(SPACING_S)
    assert "A" == await asked.ask("a")


async def test_who_goes_away_does_not_take_the_round_along() -> None:
    """A caller who hangs up leaves the others their answer."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock)
    oracle.open.clear()
    leaving, staying = asyncio.create_task(asked.ask("a")), asyncio.create_task(asked.ask("a"))
    await settled()
    leaving.cancel()
    await settled()
    oracle.open.set()
    assert "A" == await staying


async def test_rounds_are_bounded() -> None:
    """A round has so many questions at most; a question that is in it may be asked by anybody."""
    oracle, clock = Oracle(), TurnedClock()
    asked = gathering(oracle, clock, most=2)
    tasks = [asyncio.create_task(asked.ask(question)) for question in ("a", "b", "a")]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await asked.ask("c")
    assert ["A", "B", "A"] == await asyncio.gather(*tasks)
