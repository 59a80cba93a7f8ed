"""The form of what a shop chooses for its storefronts: where buyers may be led back to, and who completes checkouts."""

import re
from dataclasses import dataclass
from datetime import timedelta

from saleor_cinetpay.dashboard.forms import Errors, Form
from saleor_cinetpay.errors import AddressForbidden
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.saleor.address import normalised
from saleor_cinetpay.shops.shop_settings import ShopChoices

MOST_ORIGINS = 50
MOST_MINUTES = 7 * 24 * 60
AFTER, NEVER = "after", "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A form that can be saved."""

    origins: frozenset[str]
    complete_after: timedelta | None


def read_storefront(form: Form, *, development: bool) -> Entered | Errors:
    """Read the form; http counts in development only."""
    errors: dict[str, Text] = {}
    origins = _origins(form, development, errors)
    complete_after = _complete_after(form, errors)
    return errors or Entered(origins=origins, complete_after=complete_after)


def typed(form: Form) -> dict[str, object]:
    """Return what was typed, to be shown again."""
    return {name: form.text(name) for name in ("origins", "completion", "minutes")}


def shown(choices: ShopChoices) -> dict[str, object]:
    """Return what the form begins with."""
    after = choices.complete_after
    return {
        "origins": "\n".join(sorted(choices.storefront_origins)),
        "completion": NEVER if after is None else AFTER,
        "minutes": 10 if after is None else max(1, round(after.total_seconds() / 60)),
    }


def origin_of(written: str, *, development: bool) -> str | None:
    """Return the origin of a web address as browsers compare it (`https://shop.example`), None where it has none."""
    address = written.strip()
    try:
        plain = normalised(re.split(r"[?#]", address, maxsplit=1)[0])
    except AddressForbidden:
        return None
    origin = re.match(r"(https?://[^/]+)", plain)
    if origin is None or not (development or plain.startswith("https://")):
        return None
    return origin[1]


def _origins(form: Form, development: bool, errors: dict[str, Text]) -> frozenset[str]:
    lines = [line.strip() for line in form.text("origins").splitlines() if line.strip()]
    found = {line: origin_of(line, development=development) for line in lines}
    wrong = [line for line, origin in found.items() if origin is None]
    if wrong:
        errors["origins"] = text(
            "“{line}” is no address of a storefront. Write one address on each line, such as https://www.shop.com.",
            line=wrong[0][:100],
        )
    elif len(lines) > MOST_ORIGINS:
        errors["origins"] = text("Enter at most {most} addresses.", most=MOST_ORIGINS)
    return frozenset(origin for origin in found.values() if origin is not None)


def _complete_after(form: Form, errors: dict[str, Text]) -> timedelta | None:
    if form.text("completion") == NEVER:
        return None
    minutes = form.text("minutes")
    if not re.fullmatch(r"[0-9]{1,5}", minutes) or not 1 <= int(minutes) <= MOST_MINUTES:
        errors["minutes"] = text("Enter whole minutes, from 1 to {most}.", most=MOST_MINUTES)
        return None
    return timedelta(minutes=int(minutes))
