"""One check that hangs or breaks costs its own finding, and hides no other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from app_kit import running

from saleor_cinetpay.doctor import checks
from saleor_cinetpay.doctor.checks import examine
from saleor_cinetpay.doctor.finding import Finding, Grade, Voice, english
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.examining import means_of
from saleor_cinetpay.locale import Language


async def breaks(means: Means) -> AsyncIterator[Finding]:
    """Find one thing, and then meet a mistake of ours."""
    yield Voice("breaks").ok(english("The first half is well."))
    raise KeyError("a mistake")


async def hangs(means: Means) -> AsyncIterator[Finding]:
    """Find nothing, for ever."""
    await asyncio.sleep(3600)
    yield Voice("hangs").ok(english("It never comes to this."))


async def is_well(means: Means) -> AsyncIterator[Finding]:
    """Find something good."""
    yield Voice("is_well").ok(english("This is well."))


async def test_a_check_that_breaks_or_hangs_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found until then counts, it is told as not checked, and the others are there."""
    monkeypatch.setattr(checks, "OF_THE_HOUSE", (breaks, hangs, is_well))
    monkeypatch.setattr(checks, "CHECK_S", 0.2)
    async with running(tmp_path, install=False) as world:
        findings = await examine(means_of(world.house))
    told = [
        (f.check, f.grade, f.said.say(Language.ENGLISH)) for f in findings if f.check in ("breaks", "hangs", "is_well")
    ]
    assert [
        ("breaks", Grade.OK, "The first half is well."),
        ("breaks", Grade.FAILURE, "This could not be checked: KeyError"),
        ("hangs", Grade.WARNING, "This check was not done within 0 s."),
        ("is_well", Grade.OK, "This is well."),
    ] == told
