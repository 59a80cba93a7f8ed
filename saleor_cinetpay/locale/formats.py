"""Numbers and days as people write them in French and in English.

Babel knows this for all the world, and holds 5 MB in memory for it in each process that has shown one page; we need
forty words of it. A test compares with Babel's.
"""

from datetime import date
from decimal import Decimal

from saleor_cinetpay.locale import Language

_FRENCH_SIGNS = str.maketrans(",.", "\N{NARROW NO-BREAK SPACE},")


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


_WEEKDAYS = {
    Language.FRENCH: _words("lundi mardi mercredi jeudi vendredi samedi dimanche"),
    Language.ENGLISH: _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
}
_MONTHS = {
    Language.FRENCH: _words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    Language.ENGLISH: _words("January February March April May June July August September October November December"),
}
_SHORT_MONTHS = {
    Language.FRENCH: _words("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
    Language.ENGLISH: _words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
}


def number(value: Decimal | int, language: Language) -> str:
    """Write a number in groups of three, with up to three decimals: `12 500` in French, `12,500` in English."""
    written = f"{Decimal(value):,.3f}".rstrip("0").rstrip(".")
    return written.translate(_FRENCH_SIGNS) if language is Language.FRENCH else written


def day(of: date, language: Language) -> str:
    """Write a day of some year shortly: `3 nov.` in French, `3 Nov` in English."""
    return f"{_number_of(of, language)} {_SHORT_MONTHS[language][of.month - 1]}"


def whole_day(of: date, language: Language) -> str:
    """Write a day in full: `mardi 3 novembre 2026` in French, `Tuesday, November 3, 2026` in English."""
    weekday, month = _WEEKDAYS[language][of.weekday()], _MONTHS[language][of.month - 1]
    if language is Language.ENGLISH:
        return f"{weekday}, {month} {of.day}, {of.year}"
    return f"{weekday} {_number_of(of, language)} {month} {of.year}"


def _number_of(of: date, language: Language) -> str:
    return "1er" if of.day == 1 and language is Language.FRENCH else str(of.day)
