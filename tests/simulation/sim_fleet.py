"""The processes that run at any time: the dead are replaced, and the idle are woken when something is due."""

import asyncio
from datetime import timedelta

from fakes import Killed
from sim_process import Process
from sim_world import NoReply, SimWorld

from saleor_cinetpay.errors import AppError
from saleor_cinetpay.payments.worker import AFTER_ERROR_S, ROUND_S

REPLACED_WITHIN_S = 20.0


class Fleet:
    """Any number of processes on one ledger."""

    def __init__(self, world: SimWorld, size: int) -> None:
        self._world = world
        self._alive: list[Process] = []
        self._idle: list[asyncio.Future[None]] = []
        self._bell: asyncio.TimerHandle | None = None
        self._names = 0
        self._working: set[asyncio.Task[None]] = set()
        world.store.written = self._look_at_the_clock
        for _ in range(size):
            self._start()

    def any(self) -> Process:
        """Return one of the processes that live, as a load balancer does.

        Raises:
            NoReply: where none lives.
        """
        if not self._alive:
            raise NoReply(arrived=False)
        return self._world.fate.random.choice(self._alive)

    def kill_all(self) -> None:
        """End all processes that live now; others take their places."""
        for process in list(self._alive):
            process.kill()

    def stop(self) -> None:
        """Let every worker go home."""
        self._idle.clear()
        for task in self._working:
            task.cancel()

    def _start(self) -> None:
        self._names += 1
        process = Process(self._names, self._world, self._replace)
        self._alive.append(process)
        task = asyncio.get_running_loop().create_task(self._work(process))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    def _replace(self, dead: Process) -> None:
        self._alive.remove(dead)
        after_s = self._world.fate.random.random() * REPLACED_WITHIN_S
        asyncio.get_running_loop().call_later(after_s, self._start)

    async def _work(self, process: Process) -> None:
        """Do what `Worker.run` does, but sleep until something is due: a week must pass in a moment."""
        try:
            while process.alive:
                try:
                    found = await process.take_due()
                except AppError:
                    await process.sleep(AFTER_ERROR_S)
                    continue
                if not found:
                    woken = asyncio.get_running_loop().create_future()
                    self._idle.append(woken)
                    self._look_at_the_clock()
                    await woken
        except Killed:
            return

    def _look_at_the_clock(self) -> None:
        """See to it that the bell is rung within the time in which an idle worker looks by itself."""
        loop = asyncio.get_running_loop()
        if not self._idle or (self._bell is not None and self._bell.when() <= loop.time() + ROUND_S):
            return
        if self._bell is not None:
            self._bell.cancel()
        self._bell = loop.call_later(ROUND_S * self._world.fate.random.random(), self._ring)

    def _ring(self) -> None:
        self._bell = None
        due_at = self._world.store.due_at()
        if not due_at or not self._idle:
            return
        wait_s = (min(due_at.values()) - self._world.clock.moment) / timedelta(seconds=1)
        if wait_s > 0:
            self._bell = asyncio.get_running_loop().call_later(wait_s, self._ring)
            return
        self._idle.pop(self._world.fate.random.randrange(len(self._idle))).set_result(None)
        self._look_at_the_clock()
