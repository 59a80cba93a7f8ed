"""`rotate-keys` and `purge` as an operator runs them: what they print, and how they end."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from payments_kit import World, build_heart, trans_id
from sqlalchemy import update

from saleor_cinetpay.clock import SystemClock
from saleor_cinetpay.database import Database
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.shops.secrets import SecretBox
from saleor_cinetpay.upkeep_command import age

COMMAND = "import sys; sys.argv[0] = 'saleor-cinetpay'; from saleor_cinetpay.cli import main; main()"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on that folder's database."""
    given = {"APP_ENV": "development", "DATABASE_URL": f"sqlite:///{folder}/ledger.db", **environment}
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env=inherited | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def prepare(folder: Path) -> None:
    """Store an installation, an account, a paid payment of long ago and a pending one of now, sealed with `old`."""
    database = Database(f"sqlite:///{folder}/ledger.db")
    await migrate(database)
    heart = build_heart(database, World(), secrets=SecretBox(["old"]))
    await heart.install()
    await heart.open(1, data={"phoneNumber": "0707080910", "phonePrefix": "225"})
    await heart.open(2)
    long_ago = SystemClock().now() - timedelta(days=500)
    async with database.write() as connection:
        await connection.execute(update(payments).values(watch_until=SystemClock().now() + timedelta(days=7)))
        await connection.execute(
            update(payments)
            .where(payments.c.trans_id == trans_id(1))
            .values(state=PaymentState.ACCEPTED, due_at=None, lease=None, opened_at=long_ago, watch_until=long_ago)
        )
    await database.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with such a database."""
    asyncio.run(prepare(tmp_path))
    return tmp_path


def test_rotation_says_what_was_done_and_when_the_old_key_can_go(folder: Path) -> None:
    """All is sealed anew, the command ends well, and the day is that on which the last open link ends."""
    done = run(folder, "rotate-keys", SECRET_KEY="new,old")
    assert (0, "") == (done.returncode, done.stderr)
    *counts, sealed, keys = done.stdout.splitlines()
    assert "payments.sealed_form: 2 sealed, 2 of them anew." in counts
    assert "Everything stored is sealed with the first key of SECRET_KEY." == sealed
    day = f"{SystemClock().now() + timedelta(days=7):%Y-%m-%d}"
    assert keys.startswith(f"The older keys can be taken out of SECRET_KEY on {day} ")
    assert 0 == run(folder, "rotate-keys", SECRET_KEY="new").returncode


def test_rotation_without_the_old_key_fails_and_says_why(folder: Path) -> None:
    """What no key opens ends the command with status 1, a place to look at, and what to do."""
    done = run(folder, "rotate-keys", SECRET_KEY="new")
    assert 1 == done.returncode
    assert f"payments.sealed_form: 2 that no key of SECRET_KEY opens, among them payments/{trans_id(1)}" in done.stderr
    assert "Keep every key in SECRET_KEY, mend this, and call rotate-keys again." in done.stderr
    assert "Traceback" not in done.stderr


def test_purge_counts_first_and_then_purges(folder: Path) -> None:
    """A dry run says how many and changes nothing; a purge says what has gone."""
    said = [
        run(folder, "purge", "--older-than", "400d", *more, SECRET_KEY="old").stdout
        for more in (["--dry-run"], ["--dry-run"], [], [])
    ]
    assert ["1 payments would be purged. Nothing was changed.\n"] * 2 == said[:2]
    assert said[2].startswith("1 payments purged, ")
    assert "0 payments purged, 0 entries of their histories removed.\n" == said[3]


@pytest.mark.parametrize(("written", "reason"), [("400", "is no age"), ("5d", "nothing younger than 30 days")])
def test_a_wrong_age_is_refused(folder: Path, written: str, reason: str) -> None:
    """What can't be an age, or is too short, ends with status 1 and the reason."""
    done = run(folder, "purge", "--older-than", written, SECRET_KEY="old")
    assert (1, True) == (done.returncode, reason in done.stderr)


def test_ages_are_read() -> None:
    """Days, weeks, months of thirty days and years of 365."""
    assert [400, 420, 540, 730] == [age(written).days for written in ("400d", "60w", "18m", "2Y")]
