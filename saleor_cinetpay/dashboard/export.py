"""Payments as a file for a spreadsheet, made as it is sent.

A cell that begins like a formula gets an apostrophe in front: whoever chose an e-mail address must not be able to have
a spreadsheet compute something.
"""

import csv
import io
from collections.abc import AsyncIterable, AsyncIterator

from saleor_cinetpay.dashboard.words import STATES, code_words, last_attempt
from saleor_cinetpay.locale import Language, text
from saleor_cinetpay.payments.desk_payments import ListedPayment
from saleor_cinetpay.payments.operators import operator_name

BYTE_ORDER_MARK = "\ufeff"
"""Spreadsheets take a file without it for one of an old encoding."""
SEPARATORS = {Language.FRENCH: ";", Language.ENGLISH: ","}
"""What spreadsheets of each language expect."""
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
LINES_AT_ONCE = 200

HEADINGS = (
    text("Reference"),
    text("Opened (UTC)"),
    text("State"),
    text("Amount"),
    text("Currency"),
    text("Operator"),
    text("CinetPay payment"),
    text("Paid (UTC)"),
    text("Order"),
    text("Channel"),
    text("Buyer's e-mail"),
    text("End of the phone number"),
    text("CinetPay code"),
    text("What it means"),
    text("Environment"),
)


async def csv_of(payments: AsyncIterable[ListedPayment], language: Language) -> AsyncIterator[bytes]:
    """Yield the file in pieces, with its headings."""
    piece = io.StringIO()
    writer = csv.writer(piece, delimiter=SEPARATORS[language])
    piece.write(BYTE_ORDER_MARK)
    writer.writerow([heading.say(language) for heading in HEADINGS])
    lines = 0
    async for payment in payments:
        writer.writerow([_harmless(cell) for cell in _cells(payment, language)])
        lines += 1
        if lines % LINES_AT_ONCE == 0:
            yield piece.getvalue().encode()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode()


def _cells(payment: ListedPayment, language: Language) -> tuple[str, ...]:
    meaning = last_attempt(payment) or (code_words(payment.code, payment.code_message) if payment.code else None)
    return (
        payment.trans_id,
        f"{payment.opened_at:%Y-%m-%d %H:%M:%S}",
        STATES[payment.state][0].say(language),
        str(payment.amount),
        "XOF",
        operator_name(payment.operator) if payment.operator else "",
        payment.payid or "",
        f"{payment.success_time:%Y-%m-%d %H:%M:%S}" if payment.success_time else "",
        payment.order_number or "",
        payment.channel or "",
        payment.buyer_email or "",
        payment.phone_tail or "",
        payment.code or "",
        meaning.say(language) if meaning else "",
        payment.environment,
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
