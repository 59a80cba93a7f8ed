"""CinetPay's API: `POST /v1/?method=...` (guide 2.2 and 3)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from saleor_cinetpay.sandbox.cinetpay.codes import INCORRECT_SETTINGS, Refusal, message_of
from saleor_cinetpay.sandbox.cinetpay.desk import Desk
from saleor_cinetpay.sandbox.cinetpay.faults import Faults, LostAnswer, answer_instead
from saleor_cinetpay.sandbox.cinetpay.fields import read_form
from saleor_cinetpay.sandbox.cinetpay.journal import APP, CINETPAY
from saleor_cinetpay.sandbox.cinetpay.payments import escaped

MAX_ROWS_IN_JOURNAL = 3


class Api:
    """Answers the four methods; JSON under the content type of HTML, every value a string."""

    def __init__(self, desk: Desk, faults: Faults) -> None:
        self._desk = desk
        self._faults = faults
        self._methods: dict[str, Callable[[Mapping[str, str]], Any]] = {
            "getSignatureByPost": desk.sign,
            "checkPayStatus": self._check_pay_status,
            "getTransHistory": self._get_trans_history,
            "getCompteStatus": lambda form: {"user": desk.balances(form)},
        }

    async def answer(self, request: Request) -> Response:
        """Answer one call, or fail it as the faults say."""
        method = request.query_params.get("method", "")
        form = await read_form(request) if request.method == "POST" else {}
        fault = self._faults.take(method)
        instead = answer_instead(fault) if fault else None
        if isinstance(instead, Response):
            self._note(method, form, f"fault: {fault.mode if fault else ''}", ok=False)
            return instead
        said = instead or self._say(request.method, method, form)
        self._note(method, form, said, ok=not (isinstance(said, dict) and "status" in said))
        body = json.dumps(said)
        match fault.mode if fault else None:
            case "slow":
                await self._desk.config.clock.sleep(fault.delay_s if fault else 0)
            case "truncated":
                body = body[: len(body) // 2]
            case "drop":
                return LostAnswer()
        return Response(body, 200 if request.method == "POST" else 405, media_type="text/html")

    def _say(self, verb: str, method: str, form: Mapping[str, str]) -> Any:
        try:
            if verb != "POST" or method not in self._methods:
                raise Refusal(INCORRECT_SETTINGS)
            return self._methods[method](form)
        except Refusal as refusal:
            return {"status": {"code": refusal.code, "message": message_of(refusal.code)}}

    def _check_pay_status(self, form: Mapping[str, str]) -> Any:
        payment = self._desk.look_up(form)
        if payment is None:
            return {"transaction": []}
        shown = payment.transaction() | payment.shown
        return {"transaction": escaped({name: value for name, value in shown.items() if value is not None})}

    def _get_trans_history(self, form: Mapping[str, str]) -> Any:
        rows = [escaped(payment.history_row()) for payment in self._desk.history(form)]
        return {"Transactions": {"transaction": rows}}

    def _note(self, method: str, form: Mapping[str, str], said: Any, *, ok: bool) -> None:
        match said:
            case {"Transactions": {"transaction": rows}}:
                said = {"Transactions": {"transaction": rows[:MAX_ROWS_IN_JOURNAL], "count": len(rows)}}
            case str() if ok:
                said = {"signature": said}
        self._desk.journal.write(APP, CINETPAY, method or "no method", {"request": dict(form), "answer": said}, ok=ok)
