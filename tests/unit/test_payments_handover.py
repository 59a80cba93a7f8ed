"""How the buyer gets to the payment page."""

from urllib.parse import parse_qs, urlsplit

import pytest
from payments_kit import API_KEY, APP, SECRETS, SIGNATURE, a_payment, an_opening_payment, trans_id

from saleor_cinetpay.cinetpay import signature_request
from saleor_cinetpay.payments.handover import HandOver
from saleor_cinetpay.shops.accounts import Environment

HAND_OVER = HandOver(
    checkout_urls={Environment.LIVE: "https://live.example", Environment.TEST: "https://test.example"}, secrets=SECRETS
)


def test_the_form_is_what_was_signed_with_its_signature_and_our_addresses() -> None:
    """Key, fields and signature are those of the opening; the three addresses are ours."""
    payment = a_payment()
    assert payment.api_key is not None
    assert HAND_OVER.form(payment) == signature_request(payment.fields, payment.api_key) | {
        "apikey": API_KEY,
        "signature": SIGNATURE,
        "notify_url": f"{APP}/cinetpay/notify/account-key",
        "return_url": f"{APP}/cinetpay/return/{trans_id()}",
        "cancel_url": f"{APP}/cinetpay/cancel/{trans_id()}",
    }


def test_a_payment_without_a_form_has_none() -> None:
    """Neither an unsigned payment nor an adopted one can be handed over."""
    for formless in (an_opening_payment(), a_payment(api_key=None)):
        with pytest.raises(ValueError, match="without a form"):
            HAND_OVER.form(formless)


def test_each_environment_has_its_page() -> None:
    """A payment is posted to the CinetPay that its account belongs to."""
    urls = [HAND_OVER.checkout_url(a_payment(environment=environment)) for environment in Environment]
    assert ["https://live.example", "https://test.example"] == urls


def test_where_tests_have_no_cinetpay_they_have_no_page() -> None:
    """A test payment of before is posted nowhere, and not to the real CinetPay."""
    only_live = HandOver(checkout_urls={Environment.LIVE: "https://live.example"}, secrets=SECRETS)
    assert None is only_live.checkout_url(a_payment(environment=Environment.TEST))


def test_the_link_proves_itself_for_its_own_payment_only() -> None:
    """The proof in a link opens that payment's page and no other's."""
    url = urlsplit(HAND_OVER.payment_url(a_payment()))
    (proof,) = parse_qs(url.query)["s"]
    assert f"{APP}/pay/{trans_id()}" == f"{url.scheme}://{url.netloc}{url.path}"
    assert [True, False, False] == [
        HAND_OVER.proves(proof, trans_id()),
        HAND_OVER.proves(proof, trans_id(2)),
        HAND_OVER.proves("é", trans_id()),
    ]
