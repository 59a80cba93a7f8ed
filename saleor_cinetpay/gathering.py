"""Gathering: many who ask at the same time share one answer to them all, and a flood asks no oftener than a trickle.

Whoever asks waits for a round that begins after they have asked, so nobody gets an answer that is older than their
question. Rounds follow one another, and begin at least `spacing_s` apart; a lone question is put at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from saleor_cinetpay.clock import Clock
from saleor_cinetpay.errors import TooBusy

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathering(Generic[Question, Answer]):
    """Puts questions together."""

    def __init__(
        self,
        together: Callable[[Collection[Question]], Awaitable[Mapping[Question, Answer]]],
        *,
        spacing_s: float,
        most: int,
        clock: Clock,
    ) -> None:
        """`together` answers a round of at most `most` questions; one that it leaves out is answered None."""
        self._together = together
        self._spacing = timedelta(seconds=spacing_s)
        self._most = most
        self._clock = clock
        self._open: set[Question] = set()
        self._round: asyncio.Task[Mapping[Question, Answer]] | None = None
        self._began_at: datetime | None = None

    async def ask(self, question: Question) -> Answer | None:
        """Return the answer of the next round.

        Raises:
            TooBusy: where so many wait already that the next round is full.
            Exception: whatever `together` raises, for everybody of that round.
        """
        if question not in self._open:
            if len(self._open) >= self._most:
                raise TooBusy("too many ask at once")
            if not self._open:
                self._round = asyncio.create_task(self._go_round(self._round))
                self._round.add_done_callback(_heard)
            self._open.add(question)
        assert self._round is not None  # noqa: S101  an open question has a round
        return (await asyncio.shield(self._round)).get(question)

    async def _go_round(self, before: "asyncio.Task[Mapping[Question, Answer]] | None") -> Mapping[Question, Answer]:
        if before is not None and not before.done():
            await asyncio.wait({before})
        if self._began_at is not None and (rest := self._began_at + self._spacing - self._clock.now()) > timedelta():
            await self._clock.sleep(min(rest, self._spacing).total_seconds())
        self._began_at = self._clock.now()
        asked, self._open = self._open, set()
        return await self._together(tuple(asked))


def _heard(task: "asyncio.Task[object]") -> None:
    """Look at a round's failure, also where everybody who waited for it has gone."""
    if not task.cancelled():
        task.exception()
