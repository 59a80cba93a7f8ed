"""What lies on the disk is of no use to who takes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from payments_kit import API_KEY, TOKEN, Heart, trans_id, transaction_id
from sqlalchemy import Connection, MetaData, select

from saleor_cinetpay.database import Database

NUMBER = "0707080910"


def everything(connection: Connection) -> Iterator[str]:
    """Yield every value of every row of every table."""
    held = MetaData()
    held.reflect(connection)
    for table in held.sorted_tables:
        for row in connection.execute(select(table)):
            yield from map(str, row)


async def lived_through(heart: Heart) -> list[str]:
    """Open, pay, settle and report a payment; return all that must not be read."""
    payment = await heart.open(data={"phoneNumber": NUMBER, "phonePrefix": "225"})
    heart.world.cinetpay.shows(trans_id(), cpm_result="604", cpm_trans_status="REFUSED", cel_phone_num=NUMBER)
    await heart.ledger.nudge(trans_id(), buyer_back=True)
    await heart.work_off()
    heart.world.cinetpay.pays(trans_id())
    heart.world.clock.turn(60)
    await heart.work_off()
    assert 5000 == heart.world.saleor.charged(transaction_id())
    assert payment.signature is not None
    return [API_KEY, TOKEN, NUMBER, payment.signature.get_secret_value()]


async def test_no_row_holds_a_secret(heart: Heart, database: Database) -> None:
    """Neither API key, signature, phone number nor token stands in any column of any table."""
    secrets = await lived_through(heart)
    async with database.read() as connection:
        held = await connection.run_sync(lambda sync: list(everything(sync)))
    assert any(trans_id() in value for value in held)
    assert [] == [value for value in held if any(secret in value for secret in secrets)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_file_holds_a_secret(heart: Heart, database: Database) -> None:
    """Nor do they stand in SQLite's file, its log of changes included."""
    secrets = await lived_through(heart)
    file = Path(str(database.url.database))
    raw = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    assert trans_id().encode() in raw
    assert [] == [secret for secret in secrets if secret.encode() in raw]
