"""What needs a person, as Saleor's Dashboard shows it: over HTTP, against the small Saleor."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from app_kit import HANGS_S, World, eventually, running
from sqlalchemy import select

from saleor_cinetpay.payments.announcing import Board
from saleor_cinetpay.payments.problems import Problem, ProblemKind
from saleor_cinetpay.payments.tables import problems
from saleor_cinetpay.sandbox.saleor.records import Problem as Shown

pytestmark = pytest.mark.asyncio(loop_scope="session")


def shown(world: World) -> list[Shown]:
    """Return the problems of the app that its Saleor shows."""
    (app,) = world.saleor.store.apps.values()
    return [problem for problem in app.problems if problem.dismissed_by is None]


def a_problem(world: World, subject: str) -> Problem:
    """Return a problem of the shop."""
    return Problem(
        kind=ProblemKind.CONFIGURATION,
        saleor_api_url=world.saleor.config.api_url,
        subject=subject,
        detail={"code": "609", "site_id": "445160"},
    )


async def test_a_problem_appears_in_saleor_and_goes(world: World) -> None:
    """A wrong key is told in words, as critical, and taken back when it is solved."""
    problem, kept = a_problem(world, "test-appears"), world.house.problems
    await kept.raise_now(problem, world.house.clock.now())
    await eventually(lambda: problem.key in {one.key for one in shown(world)})
    (one,) = [one for one in shown(world) if one.key == problem.key]
    assert (True, 1) == (one.is_critical, one.count)
    assert one.message.startswith("CinetPay n’accepte pas votre compte. Pour le site 445160")
    await kept.solve_now(problem.kind, problem.subject, world.house.clock.now())
    await eventually(lambda: problem.key not in {one.key for one in shown(world)})


async def test_a_shop_whose_saleor_lacks_problems_is_left_alone(tmp_path: Path) -> None:
    """An older Saleor refuses the words themselves, and is asked once; payments go on there."""
    async with running(tmp_path, version="3.21.4") as world:
        await world.as_version("3.23.28")  # so that only the schema's answer can tell
        await world.house.problems.raise_now(a_problem(world, "test-older"), world.house.clock.now())
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id)
        await world.reported(transaction, "CHARGE_SUCCESS")
        async with asyncio.timeout(HANGS_S):
            while not await _told_off(world):  # noqa: ASYNC110  it is the worker that puts it off
                await asyncio.sleep(0.05)
        assert [] == shown(world)


async def _told_off(world: World) -> bool:
    """Say whether the problem is put off until tomorrow."""
    async with world.house.database.read() as connection:
        due_at = await connection.scalar(select(problems.c.due_at))
    return bool(due_at is not None and due_at > world.house.clock.now() + timedelta(hours=23))


@pytest.mark.parametrize("version", ["3.22.36", "3.23.28"])
async def test_staff_can_dismiss_in_saleor(tmp_path: Path, version: str) -> None:
    """What staff have dismissed over there is read as dismissed, and not as shown."""
    async with running(tmp_path, version=version) as world:
        problem = a_problem(world, "test-dismissed")
        await world.house.problems.raise_now(problem, world.house.clock.now())
        await eventually(lambda: [problem.key] == [one.key for one in shown(world)])
        (installation,) = await world.house.installations.all()
        before = await world.house.saleors.read(installation, timeout_s=5)
        (app,) = world.saleor.store.apps.values()
        assert None is world.saleor.problems.dismiss(app, [problem.key], [], by="USER")
        after = await world.house.saleors.read(installation, timeout_s=5)
        nothing, this = frozenset[str](), frozenset({problem.key})
        assert (Board(open=this, dismissed=nothing), Board(open=nothing, dismissed=this)) == (before, after)
