"""How Saleor reads what an app answers to a webhook, and what it makes of answers that it can't read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticUseDefault

from saleor_cinetpay.sandbox.saleor.booking import EventType, shortened
from saleor_cinetpay.sandbox.saleor.graphql_schema import Version
from saleor_cinetpay.sandbox.saleor.records import PaymentMethod
from saleor_cinetpay.sandbox.saleor.times import parse_time

NOT_DELIVERED = "Failed to delivery request."
REFERENCE_LENGTH = 512
THREE_PLACES = Decimal("0.001")

SESSION_RESULTS = (
    EventType.AUTHORIZATION_SUCCESS,
    EventType.AUTHORIZATION_REQUEST,
    EventType.AUTHORIZATION_FAILURE,
    EventType.AUTHORIZATION_ACTION_REQUIRED,
    EventType.CHARGE_SUCCESS,
    EventType.CHARGE_REQUEST,
    EventType.CHARGE_FAILURE,
    EventType.CHARGE_ACTION_REQUIRED,
    EventType.CANCEL_SUCCESS,
)
"""What initialize and process may answer."""


class UnhandledError(Exception):
    """What Saleor did not foresee: the caller gets an internal error and nothing is booked."""


class Unreadable(Exception):
    """An answer that Saleor understands to be wrong; its text becomes the message of the failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an app answered, as it will be booked."""

    result: EventType | None
    """None where an action was only taken note of, and its outcome will be reported."""
    psp_reference: str | None
    amount: Decimal | None
    time: datetime | None
    message: str
    external_url: str
    actions: list[str] | None
    payment_method: PaymentMethod | None
    data: Any


def read_session_answer(answer: object, version: Version) -> Answer:
    """Read what initialize or process answered.

    Raises:
        Unreadable: where the shape is wrong.
        UnhandledError: where it is no object, or the reference is too long to be stored.
    """
    fields = _object(answer)
    _check_amount(fields, version)
    return _read(fields, _SessionModel if version >= (3, 22) else _Model, SESSION_RESULTS)


def read_action_answer(answer: object, request: EventType, version: Version) -> Answer:
    """Read what a refund, charge or cancelation answered; only a reference means that a report will follow.

    Raises:
        Unreadable: where the shape is wrong.
        UnhandledError: as for sessions; the request stays without outcome for ever.
    """
    fields = _object(answer)
    verb = request.partition("_")[0]
    if fields.get("result") is None:
        return _read(fields, _Model, ())
    _check_amount(fields, version)
    return _read(fields, _Model, (EventType(f"{verb}_SUCCESS"), EventType(f"{verb}_FAILURE")))


def _object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise UnhandledError(f"{type(answer).__name__} has no attribute 'get'")
    return answer


def _check_amount(fields: dict[str, Any], version: Version) -> None:
    if version < (3, 21) and fields.get("amount") is None:
        raise Unreadable("Missing value for field: amount.")


def _read(fields: dict[str, Any], model: "type[_Model]", results: Sequence[EventType]) -> Answer:
    result = fields.get("result")
    if results and result not in results:
        raise Unreadable(f"Missing or invalid value for `result`: {result}. Possible values: {', '.join(results)}.")
    try:
        read = model.model_validate(fields)
    except ValidationError as error:
        raise Unreadable(shortened("\n\n".join(_complaint(e) for e in error.errors()))) from None
    outcome = next((possible for possible in results if possible == result), None)
    if read.psp_reference is None and (outcome is None or outcome.endswith(("_SUCCESS", "_REQUEST"))):
        raise Unreadable("Missing value for field: pspReference.")
    if len(read.psp_reference or "") > REFERENCE_LENGTH:
        raise UnhandledError("value too long for type character varying(512)")
    method = read.payment_method_details
    return Answer(
        result=outcome,
        psp_reference=read.psp_reference,
        amount=read.amount.quantize(THREE_PLACES) if read.amount is not None else None,
        time=read.time,
        message=shortened(read.message),
        external_url=str(read.external_url or ""),
        actions=_known(read.actions),
        payment_method=PaymentMethod(kind=method.type, name=method.name, brand=method.brand) if method else None,
        data=fields.get("data"),
    )


def _complaint(error: Any) -> str:
    field = error["loc"][0] if error["loc"] else ""
    if error["type"] == "missing":
        return f"Missing value for field: {field}."
    return f"Incorrect value ({error['input']}) for field: {field}. Error: {error['msg']}."


def _known(actions: list[Any] | None) -> list[str] | None:
    """An action that Saleor does not know is passed over."""
    return None if actions is None else [a for a in actions if a in ("CHARGE", "REFUND", "CANCEL")]


def _default_for_null(value: Any) -> Any:
    if value is None:
        raise PydanticUseDefault
    return value


def _text(value: Any) -> Any:
    return "" if value is None else str(value)


def _moment(value: Any) -> Any:
    return parse_time(value) if isinstance(value, str) else value


class _Method(BaseModel):
    type: Literal["OTHER", "CARD"]
    name: str = Field(max_length=256)
    brand: str | None = Field(default=None, max_length=40)


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    psp_reference: Annotated[str | None, BeforeValidator(_default_for_null)] = None
    amount: Annotated[Decimal | None, BeforeValidator(_default_for_null)] = None
    time: Annotated[datetime | None, BeforeValidator(_default_for_null), BeforeValidator(_moment)] = None
    external_url: Annotated[HttpUrl | None, BeforeValidator(_default_for_null)] = None
    message: Annotated[str, BeforeValidator(_text)] = ""
    actions: list[Any] | None = None

    @property
    def payment_method_details(self) -> _Method | None:
        """Saleor reads none before 3.22, and none from actions."""
        return None


class _SessionModel(_Model):
    method: _Method | None = Field(default=None, alias="paymentMethodDetails")

    @property
    def payment_method_details(self) -> _Method | None:
        """How the buyer paid."""
        return self.method
