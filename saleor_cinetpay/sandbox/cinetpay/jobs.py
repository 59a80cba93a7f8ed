"""Things that happen by themselves later: a buyer who approves on the phone, a notification."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from saleor_cinetpay.sandbox.cinetpay.config import Clock
from saleor_cinetpay.sandbox.cinetpay.payments import Payment
from saleor_cinetpay.sandbox.cinetpay.store import Job, Store


class Jobs:
    """Does each thing when it is due, also what an earlier process left undone."""

    def __init__(self, store: Store, clock: Clock, do: Callable[[Job], Awaitable[None]]) -> None:
        self._store = store
        self._clock = clock
        self._do = do
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def add(self, kind: str, payment: Payment, data: dict[str, Any], *, delay_s: float) -> None:
        """Have something done in that many seconds."""
        self._start(self._store.add_job(self._clock.now() + timedelta(seconds=delay_s), kind, payment, data))

    def resume(self) -> None:
        """Take up what was left undone."""
        for job in self._store.jobs():
            if job.id not in self._tasks:
                self._start(job)

    async def stop(self) -> None:
        """Stop without forgetting: what is not done stays in the store."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, job: Job) -> None:
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _run(self, job: Job) -> None:
        await self._clock.sleep(max((job.due_at - self._clock.now()).total_seconds(), 0.0))
        await self._do(job)
        self._store.remove_job(job)
