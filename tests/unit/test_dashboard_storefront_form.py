"""The form of storefronts and closed tabs: origins and minutes, or what is wrong with them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_cinetpay.dashboard.forms import Form
from saleor_cinetpay.dashboard.storefront_form import Entered, origin_of, read_storefront, shown
from saleor_cinetpay.locale import Language
from saleor_cinetpay.shops.shop_settings import ShopChoices


def read(origins: str = "", completion: str = "after", minutes: str = "10", *, development: bool = False) -> object:
    form = Form({"origins": (origins,), "completion": (completion,), "minutes": (minutes,)})
    found = read_storefront(form, development=development)
    if isinstance(found, Entered):
        return found
    return {name: error.say(Language.ENGLISH) for name, error in found.items()}


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://Shop.Example/", "https://shop.example"),
        ("https://shop.example:443/fr/checkout?x=1#top", "https://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("https://boutique-é.example", "https://xn--boutique--j4a.example"),
        ("http://shop.example", None),
        ("shop.example", None),
        ("https://", None),
        ("https://*.example", None),
        ("https://user:secret@shop.example", None),
        ("javascript:alert(1)", None),
        ("ftp://shop.example", None),
        ("https://shop.example:99999", None),
        ("https://a b.example", None),
        ("null", None),
    ],
)
def test_an_address_becomes_the_origin_that_browsers_compare(written: str, origin: str | None) -> None:
    """A path is cut off, case and the usual port fall; what has no origin of its own is refused."""
    assert origin == origin_of(written, development=False)


def test_http_counts_in_development_only() -> None:
    """A storefront on one's own machine can be tried out; in production it must be https."""
    assert "http://127.0.0.1:3000" == origin_of("http://127.0.0.1:3000/", development=True)
    assert origin_of("http://127.0.0.1:3000/", development=False) is None


@given(st.text(max_size=60))
def test_no_line_breaks_the_form(line: str) -> None:
    """Whatever is typed either is an origin or is said to be none; an origin is one once more."""
    origin = origin_of(f"https://{line}", development=False)
    assert origin is None or origin == origin_of(origin, development=False)


def test_each_line_is_an_origin() -> None:
    """Empty lines are passed over, and two spellings of an origin are one."""
    found = read("https://a.example\n\n  https://b.example/\r\nhttps://A.example/x", minutes="30")
    assert found == Entered(
        origins=frozenset({"https://a.example", "https://b.example"}), complete_after=timedelta(minutes=30)
    )


def test_the_first_line_that_is_wrong_is_quoted() -> None:
    """So that it is found among many."""
    found = read("https://a.example\nshop\nother")
    assert isinstance(found, dict)
    assert found["origins"].startswith("“shop” is no address")


def test_there_are_only_so_many() -> None:
    """The limit is said."""
    assert {"origins": "Enter at most 50 addresses."} == read("\n".join(f"https://{n}.example" for n in range(51)))


@pytest.mark.parametrize("minutes", ["", "0", "-5", "1.5", "ten", "10081", "999999"])
def test_minutes_are_whole_and_bounded(minutes: str) -> None:
    """Anything else is refused beside its field, unless the app is to complete nothing."""
    assert {"minutes": "Enter whole minutes, from 1 to 10080."} == read(minutes=minutes)
    assert Entered(origins=frozenset(), complete_after=None) == read(completion="never", minutes=minutes)


@pytest.mark.parametrize(
    ("after", "completion", "minutes"),
    [(timedelta(minutes=45), "after", 45), (timedelta(seconds=20), "after", 1), (None, "never", 10)],
)
def test_what_is_stored_is_shown(after: timedelta | None, completion: str, minutes: int) -> None:
    """The form begins with what is stored; where the app completes nothing, with the usual minutes."""
    choices = ShopChoices(
        storefront_origins=frozenset({"https://b.example", "https://a.example"}), complete_after=after
    )
    assert shown(choices) == {
        "origins": "https://a.example\nhttps://b.example",
        "completion": completion,
        "minutes": minutes,
    }
