"""How a Saleor becomes an installation: it claims an address and a token, and both are proved before they are kept.

Saleor's POST is not signed, so anybody can send it. The token is proved by using it at the address that it is
said to be for, and the address by the keys that it publishes. Staff see the text of a refusal in their Dashboard.
"""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from saleor_cinetpay.errors import AddressForbidden, CallRefused, SaleorError, SaleorRefused
from saleor_cinetpay.saleor.address import AddressRules, SaleorApiUrl
from saleor_cinetpay.saleor.client import SaleorClient
from saleor_cinetpay.saleor.keys import KeySet
from saleor_cinetpay.saleor.types import SaleorAppId, SaleorIdentity

NEEDED_PERMISSION = "HANDLE_PAYMENTS"
IDENTIFY_TIMEOUT_S = 5.0
KEY_SET_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A proved installation."""

    saleor_api_url: SaleorApiUrl
    app_id: SaleorAppId
    token: SecretStr
    key_set: str
    """The JSON text of Saleor's key set, which `KeySet.parse` reads."""
    saleor_version: str
    """Such as `3.23.28`."""
    app_base_url: str
    """Where this Saleor reaches the app."""


class Installations(Protocol):
    """Keeps installations."""

    async def register(self, registration: Registration) -> None:
        """Keep it; one that is there for the same Saleor API URL is taken up again, with the new token."""
        ...


async def register(
    *,
    saleor_api_url: str | None,
    auth_token: SecretStr,
    identifier: str,
    base_url: str,
    rules: AddressRules,
    saleor: SaleorClient,
    installations: Installations,
) -> Registration:
    """Prove what is claimed within eight seconds, and keep it; `identifier` is what our manifest calls the app.

    Raises:
        CallRefused: with a stable code and a text that staff can act on.
        LedgerUnavailable: where it can't be kept just now.
    """
    address = _admitted(saleor_api_url, rules)
    identity = await _proved_identity(saleor, address, auth_token, identifier)
    registration = Registration(
        saleor_api_url=address,
        app_id=identity.app_id,
        token=auth_token,
        key_set=await _proved_key_set(saleor, address),
        saleor_version=identity.version,
        app_base_url=base_url,
    )
    await installations.register(registration)
    return registration


def _admitted(saleor_api_url: str | None, rules: AddressRules) -> SaleorApiUrl:
    if not saleor_api_url:
        raise CallRefused(400, "SALEOR_URL_MISSING", "The Saleor-Api-Url header is missing.")
    try:
        return rules.admit(saleor_api_url)
    except AddressForbidden as error:
        raise _prohibited() from error


async def _proved_identity(
    saleor: SaleorClient, address: SaleorApiUrl, token: SecretStr, identifier: str
) -> SaleorIdentity:
    """Prove that the token is ours there: any other app of that Saleor has one too, and could push ours out.

    From 3.19 on every app has an identifier, so that a Saleor that names none says nothing against us.
    """
    try:
        identity = await saleor.identify(address, token, timeout_s=IDENTIFY_TIMEOUT_S)
    except AddressForbidden as error:
        raise _prohibited() from error
    except SaleorRefused as error:
        raise CallRefused(401, "UNKNOWN_APP_ID", f"{address} does not accept the token it sent.") from error
    except SaleorError as error:
        text = f"The app could not reach your Saleor at {address}: {error}. Check that this address is public."
        raise CallRefused(424, "SALEOR_UNREACHABLE", text) from error
    if identity.identifier not in {None, identifier}:
        text = (
            f"This token belongs to another app than {identifier}. Install {identifier} from the address of its "
            "manifest; where MANIFEST_APP_ID has just been changed, delete the app in the Dashboard first."
        )
        raise CallRefused(403, "OTHER_APP", text)
    if NEEDED_PERMISSION not in identity.permissions:
        raise CallRefused(403, "PERMISSION_MISSING", f"The app needs the permission {NEEDED_PERMISSION}.")
    return identity


async def _proved_key_set(saleor: SaleorClient, address: SaleorApiUrl) -> str:
    try:
        key_set = await saleor.fetch_key_set(address, timeout_s=KEY_SET_TIMEOUT_S)
        KeySet.parse(key_set)
    except AddressForbidden as error:
        raise _prohibited() from error
    except SaleorError as error:
        text = f"The app could not read your Saleor's keys at /.well-known/jwks.json: {error}."
        raise CallRefused(401, "JWKS_NOT_AVAILABLE", text) from error
    return key_set


def _prohibited() -> CallRefused:
    """Say no more than that: which addresses lead where inside the operator's network is nobody's business."""
    text = "This Saleor may not install the app. Ask the app's operator to allow its API URL."
    return CallRefused(403, "SALEOR_URL_PROHIBITED", text)
