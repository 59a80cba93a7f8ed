"""`saleor-cinetpay worker`: settles and reports, and serves nothing."""

import asyncio
import signal

from saleor_cinetpay.app import build_house
from saleor_cinetpay.garbage import look_from_now_on
from saleor_cinetpay.insight.telemetry import set_up_telemetry
from saleor_cinetpay.logs import configure_logs
from saleor_cinetpay.migrations import migrate
from saleor_cinetpay.settings import Settings


def settle(settings: Settings) -> None:
    """Migrate the database, then settle payments and deliver reports until told to end."""
    configure_logs(settings.log_level, settings.log_format)
    set_up_telemetry()
    asyncio.run(_settle(settings))


async def _settle(settings: Settings) -> None:
    house = build_house(settings)
    loop = asyncio.get_running_loop()
    try:
        await migrate(house.database)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, house.worker.stop)
        look_from_now_on()
        await house.worker.run()
    finally:
        await house.close()
