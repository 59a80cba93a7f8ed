"""The checks that a payment passes before it is signed, and before its page opens."""

import re
from dataclasses import replace

import pytest
from sandbox_cinetpay_kit import FIELDS, a_sandbox

from saleor_cinetpay.sandbox.cinetpay import Merchant
from saleor_cinetpay.sandbox.cinetpay.codes import MESSAGES

WRONG = [
    ("apikey", "someone-elses", "609"),
    ("cpm_site_id", "1", "613"),
    ("cpm_amount", "4", "611"),
    ("cpm_amount", "12500.5", "611"),
    ("cpm_amount", "12500.00", "611"),
    ("cpm_amount", "-5", "611"),
    ("cpm_amount", "١٢٥", "611"),
    ("cpm_amount", "five", "611"),
    ("cpm_amount", "1" * 13, "611"),
    ("cpm_currency", "XAF", "612"),
    ("cpm_currency", "cfa", "612"),
    ("cpm_trans_date", "2026-03-04", "614"),
    ("cpm_trans_date", "20260230115900", "614"),
    ("cpm_trans_date", "2026-3-4 1:2:3", "614"),
    ("cpm_trans_date", "2026-03-04T11:59:00Z", "614"),
    ("cpm_language", "de", "615"),
    ("cpm_page_action", "REGISTRATION", "616"),
    ("cpm_payment_config", "RECURRENT", "617"),
    ("cpm_version", "V3", "618"),
    ("cel_phone_num", "01020304", "606"),
    ("cpm_phone_prefixe", "225", "606"),
]


def status(code: str) -> dict[str, object]:
    return {"status": {"code": code, "message": MESSAGES[code]}}


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("name", FIELDS)
async def test_required(name: str, empty: bool) -> None:
    """Each required field that is missing or empty is 608."""
    form = {key: value for key, value in FIELDS.items() if key != name} | ({name: ""} if empty else {})
    async with a_sandbox() as box:
        reply = await box.http.post("/v1/?method=getSignatureByPost", data=form)
    assert status("608") == reply.json()


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
async def test_wrong_value(name: str, value: str, code: str) -> None:
    """Each field that breaks its rule is refused with its own code of annex I."""
    async with a_sandbox() as box:
        assert status(code) == await box.ask("getSignatureByPost", **FIELDS | {name: value})


@pytest.mark.parametrize(
    "right",
    [
        {"cpm_amount": "5"},
        {"cpm_currency": "XOF"},
        {"cpm_trans_date": "2017-04-09 15:45:22"},
        {"cpm_language": "en"},
        {"cpm_version": "V2"},
        {"cpm_custom": "63#42#mpl & more"},
        {"cel_phone_num": "01020304", "cpm_phone_prefixe": "225"},
        {"cel_phone_num": "01020304", "cpm_phone_prefix": "225"},
    ],
)
async def test_right_value(right: dict[str, str]) -> None:
    """What the guide allows is signed: the reply is a bare JSON string under the content type of HTML."""
    async with a_sandbox() as box:
        reply = await box.http.post("/v1/?method=getSignatureByPost", data=FIELDS | right)
    assert re.fullmatch(r'"[0-9a-f]{40}"', reply.text)
    assert "text/html; charset=utf-8" == reply.headers["content-type"]


async def test_site_of_another_key() -> None:
    """A site that exists but belongs to another key is 613."""
    merchants = (Merchant(), Merchant(site_id="2", api_key="other"))
    async with a_sandbox(merchants=merchants) as box:
        assert status("613") == await box.ask("getSignatureByPost", **FIELDS | {"cpm_site_id": "2"})


async def test_phone_required() -> None:
    """A site that must send the buyer's number gets 608 without it."""
    async with a_sandbox(merchants=(replace(Merchant(), phone_required=True),)) as box:
        assert status("608") == await box.ask("getSignatureByPost", **FIELDS)


async def test_same_fields_again() -> None:
    """The very same fields get the same signature as long as they are unpaid, so a lost answer can be asked again."""
    async with a_sandbox() as box:
        assert (await box.form())["signature"] == (await box.form())["signature"]


async def test_trans_id_reused() -> None:
    """A trans id that was signed with other fields is 620."""
    async with a_sandbox() as box:
        await box.form()
        assert status("620") == await box.ask("getSignatureByPost", **FIELDS | {"cpm_amount": "5"})


async def test_trans_id_paid() -> None:
    """A trans id that is paid is 620 for the signature and 605 for the form."""
    async with a_sandbox() as box:
        form = await box.form()
        await box.settled("00")
        assert status("620") == await box.ask("getSignatureByPost", **FIELDS)
        reply = await box.http.post("/", data=form)
    assert (400, True) == (reply.status_code, "605 TRANSACTION_CLOSED" in reply.text)


async def test_trans_id_of_two_sites() -> None:
    """Two sites can use the same trans id."""
    async with a_sandbox(merchants=(Merchant(), Merchant(site_id="2"))) as box:
        assert (await box.form())["signature"] != (await box.form(cpm_site_id="2"))["signature"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpm_amount", "5"),
        ("cpm_currency", "XOF"),
        ("cpm_trans_id", "T2"),
        ("cpm_trans_date", "20260304115901"),
        ("cpm_version", "V2"),
        ("cpm_language", "en"),
        ("cpm_designation", "Pagne Wax"),
        ("cpm_custom", "added"),
        ("signature", "0" * 40),
    ],
)
async def test_form_other_than_signed(name: str, value: str) -> None:
    """A form in which one signed field differs is 619, however right the field is by itself."""
    async with a_sandbox() as box:
        reply = await box.http.post("/", data=await box.form() | {name: value})
    assert (400, True) == (reply.status_code, "619 ERROR_SIGNATURE_DONT_MATCHED" in reply.text)


@pytest.mark.parametrize(
    ("name", "value", "code"), [*(w for w in WRONG if w[0] != "cpm_trans_id"), ("signature", "", "608")]
)
async def test_form_wrong_value(name: str, value: str, code: str) -> None:
    """The page checks every field of its own, before the signature."""
    async with a_sandbox() as box:
        reply = await box.http.post("/", data=await box.form() | {name: value})
    assert (400, True) == (reply.status_code, f'data-code="{code}"' in reply.text)


@pytest.mark.parametrize("name", ["notify_url", "return_url", "cancel_url"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "//shop.example", "http://", "http://[x"])
async def test_form_address(name: str, url: str) -> None:
    """An address that is none of the web is never linked nor called: 606."""
    async with a_sandbox() as box:
        reply = await box.http.post("/", data=await box.form() | {name: url})
    assert (400, True) == (reply.status_code, "606 INCORRECT_SETTINGS" in reply.text)


async def test_body_without_encoding() -> None:
    """The guide's PHP sends values as they are; UTF-8 arrives as it was meant."""
    body = "&".join(f"{name}={value}" for name, value in (FIELDS | {"cpm_designation": "Été à Bouaké"}).items())
    async with a_sandbox() as box:
        await box.http.post("/v1/?method=getSignatureByPost", content=body.encode())
        await box.control("/payments/T1/open")
        assert "Été à Bouaké" == (await box.status())["cpm_designation"]


async def test_multipart() -> None:
    """PHP's cURL sends arrays as multipart, which is read as well."""
    async with a_sandbox() as box:
        parts = {name: (None, value) for name, value in FIELDS.items()}
        reply = await box.http.post("/v1/?method=getSignatureByPost", files=parts)
    assert 40 == len(reply.json())


async def test_body_too_large() -> None:
    """A body of more than 64 KiB is turned away."""
    async with a_sandbox() as box:
        reply = await box.http.post("/v1/?method=getSignatureByPost", data=FIELDS | {"cpm_custom": "x" * 70_000})
    assert 413 == reply.status_code
