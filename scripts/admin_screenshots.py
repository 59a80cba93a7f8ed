"""Make the pictures of docs/admin.*.md anew: `make screenshots`. Needs Chromium; no network, no money.

The app runs against the simulated CinetPay and the small Saleor of the tests. Its pages are fetched with a Dashboard's
token and put into the app's own shell, as its script does in the Dashboard. Numbers and names are the same each time;
the dates are those of the day on which the pictures are made.
"""

import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from app_kit import World, eventually, running
from desk_kit import Staff
from payments_kit import a_payment
from playwright.async_api import Browser, async_playwright
from sqlalchemy import update

from saleor_cinetpay.payments.desk_refunds import DeskRefunds
from saleor_cinetpay.payments.history import Event
from saleor_cinetpay.payments.payment import PaymentState
from saleor_cinetpay.payments.tables import payments
from saleor_cinetpay.sandbox.saleor.records import Transaction

PICTURES = Path(__file__).parents[1] / "docs" / "admin"
WIDTH, TALLEST = 920, 1400
LANGUAGES = ("fr", "en")
BUYERS = 240
PUT = """async (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.documentElement.lang = page.documentElement.lang;
  document.getElementById("desk").replaceChildren(...page.getElementById("desk").childNodes);
  const { enliven } = await import("/static/desk/parts.js");
  enliven(document.getElementById("desk"), page.documentElement.lang);
}"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page, and the name of its picture."""

    name: str
    path: str


async def main() -> None:
    """Make all pictures."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("there is no Chromium on this machine: apt-get install chromium")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder)) as world, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-lcd-text"]
            )
            await take(browser, world, Picture("begin", "/"), Picture("settings", "/settings"))
            await take(browser, world, Picture("account", "/settings/accounts/new"))
            suspect, refund = await business(world)
            await take(
                browser,
                world,
                Picture("home", "/"),
                Picture("payments", "/payments"),
                Picture("payment", f"/payments/{suspect}"),
                Picture("refunds", "/refunds"),
                Picture("refund", f"/refunds/{refund}"),
                Picture("history", "/history"),
                Picture("health", "/health?check=now"),
            )
            await browser.close()


async def take(browser: Browser, world: World, *pictures: Picture) -> None:
    """Take pictures of pages in each language; a page that is not there is left out, and said."""
    for language in LANGUAGES:
        context = await browser.new_context(
            viewport={"width": WIDTH, "height": 700}, locale=f"{language}-CI", timezone_id="Africa/Abidjan"
        )
        for picture in pictures:
            reply = await Staff(world=world, language=language).gets("" if picture.path == "/" else picture.path)
            if reply.status_code != 200:
                sys.stderr.write(f"{picture.name} is left out: {reply.status_code}\n")
                continue
            page = await context.new_page()
            await page.goto(f"{world.app}/dashboard?theme=light&locale={language}")
            await page.evaluate(PUT, reply.text)
            height = await page.evaluate("Math.ceil(document.getElementById('desk').getBoundingClientRect().bottom)")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": min(height, TALLEST)}
            await page.set_viewport_size({"width": WIDTH, "height": min(height, TALLEST)})
            await page.screenshot(path=PICTURES / f"{picture.name}.{language}.png", clip=clip)  # type: ignore[arg-type]
            await page.close()
        await context.close()


async def business(world: World) -> tuple[str, str]:
    """Do a month's business; return the trans id of a suspect payment, and the reference of a refund that waits."""
    await _earlier(world)
    for code in ("00", "602", "00"):
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id, code)
        await eventually(lambda transaction=transaction: _ended(transaction))  # type: ignore[misc]
    await world.saleor.request_action(transaction, "REFUND", 12500, reason="Article épuisé")
    await _missed(world)
    return await _suspect(world), await _waiting_refund(world)


async def _suspect(world: World) -> str:
    _, trans_id = await world.at_cinetpay()
    await world.cinetpay.show(trans_id, cpm_amount="12000")
    await world.cinetpay.settle(trans_id)
    while await world.state(trans_id) != "suspect":  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return trans_id


async def _missed(world: World) -> None:
    """Have a payment of which no notification tells, for the history."""
    _, trans_id = await world.at_cinetpay()
    async with world.house.database.write() as connection:
        await connection.execute(update(payments).where(payments.c.trans_id == trans_id).values(due_at=None))
    await world.cinetpay.settle(trans_id, notify="never")


async def _earlier(world: World) -> None:
    """Write the payments of the days before down."""
    random = Random(7)  # noqa: S311  the same month each time
    now, shop = world.house.clock.now(), world.saleor.config.api_url
    states = random.choices([PaymentState.ACCEPTED, PaymentState.REFUSED, PaymentState.PENDING], [75, 18, 7], k=BUYERS)
    operators = random.choices(["OM", "WAVE", "MOMO", "FLOOZ"], [5, 4, 3, 1], k=BUYERS)
    for number, (state, operator) in enumerate(zip(states, operators, strict=True), start=1):
        at = now - timedelta(days=random.triangular(1, 29, 3))
        payment = a_payment(number, state=state, operator=operator, saleor_api_url=shop, opened_at=at)
        await world.house.ledger.open(payment, Event(kind="opened"))


def _ended(transaction: Transaction) -> bool:
    return any(event.type.endswith(("_SUCCESS", "_FAILURE")) for event in transaction.events)


async def _waiting_refund(world: World) -> str:
    """Wait for the refund that staff have asked for, and return its reference."""
    desk = DeskRefunds(world.house.database, world.house.secrets)
    while not (waiting := await desk.waiting(world.saleor.config.api_url)):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return waiting[0].refund.reference


if __name__ == "__main__":
    asyncio.run(main())
