"""What a person reads who is not let in, and how they get back. None of it holds any data."""

from saleor_cinetpay.errors import CallRefused, Unreadable
from saleor_cinetpay.locale import Text, text

ELSEWHERE = (
    text("Open this page from your Saleor Dashboard"),
    text("Sign in to the Dashboard of your shop, choose Extensions (Apps in older versions), then CinetPay."),
)
NO_LEDGER = (
    text("The payment app can't read its data just now"),
    text("Nothing is lost: payments go on by themselves as soon as it can. Please try again in a minute."),
)
BROKEN = (
    text("Something went wrong on this page"),
    text("It has been noted in the app's log. Payments are not affected. Please try again, or choose another page."),
)
_EXPIRED = (
    text("Your session has expired"),
    text("Reload the Dashboard, and sign in again where it asks you to."),
)
_NOT_YOURS = (
    text("The app does not know this Dashboard"),
    text("Reload the Dashboard. If this page comes again, the app was removed from this shop: install it again."),
)
_NO_PERMISSION = (
    text("You may not see payments"),
    text(
        "Your account lacks the permission to handle payments. Ask an administrator of the shop to add it to your "
        "group (Configuration, Permission groups), then reload the Dashboard."
    ),
)
CAN_NOT_READ = (text("This can't be read"), Unreadable.merchant)
_TOO_LARGE = (
    text("That was too much at once"),
    text("The form is too large. Shorten what you have entered, then send it again."),
)
_UNREADABLE = (
    text("The form could not be read"),
    text("Reload the page, then try again."),
)


def refusal_of(refused: CallRefused) -> tuple[Text, Text]:
    """Return the title and the text of the page for somebody who is refused."""
    match refused.status, refused.code:
        case 403, _:
            return _NO_PERMISSION
        case 413, _:
            return _TOO_LARGE
        case 400, _:
            return _UNREADABLE
        case _, "TOKEN_MISSING":
            return ELSEWHERE
        case _, "TOKEN_EXPIRED":
            return _EXPIRED
        case _:
            return _NOT_YOURS
