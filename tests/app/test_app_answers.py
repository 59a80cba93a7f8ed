"""The answers have the shapes that Saleor's own JSON Schemas ask for. Every other test here is held to it as well."""

import pytest
from app_kit import World
from saleor_responses import at_hand, complaints

pytestmark = pytest.mark.asyncio(loop_scope="session")
needs_schemas = pytest.mark.skipif(not at_hand(), reason="../shared/saleor with Saleor's response schemas is not there")

INITIALIZE = "TRANSACTION_INITIALIZE_SESSION"
PROCESS = "TRANSACTION_PROCESS_SESSION"


@needs_schemas
async def test_the_schemas_can_refuse() -> None:
    """An answer of another shape is complained about, by each version."""
    wrongs: list[object] = [{"result": "PAID", "pspReference": "x"}, {"result": "CHARGE_SUCCESS"}, [], {"result": 5}]
    for wrong in wrongs:
        assert 2 <= len(complaints(INITIALIZE, wrong))


@needs_schemas
async def test_each_answer_of_a_payment_fits(world: World) -> None:
    """Opened, pending, refused, accepted, impossible and unknown: each answer fits the schema of its event."""
    transaction, trans_id = await world.at_cinetpay()
    await world.saleor.process(transaction)
    await world.cinetpay.settle(trans_id, "604", notify="never")
    await world.saleor.process(transaction)
    accepted, trans_id = await world.at_cinetpay()
    await world.cinetpay.settle(trans_id, notify="never")
    await world.saleor.process(accepted)
    await world.opened(returnUrl="no address")
    await world.saleor.gateway_initialize(world.saleor.create_checkout())
    answers = world.answers()
    assert {"CHARGE_ACTION_REQUIRED", "CHARGE_FAILURE", "CHARGE_SUCCESS", None} == {a.get("result") for _, a in answers}
    assert [] == [complaint for event, answer in answers for complaint in complaints(event, answer)]


@pytest.mark.parametrize(("version", "told"), [("3.21.5", False), ("3.22.0", True), ("3.23.28", True)])
async def test_the_means_of_payment_is_told_where_saleor_knows_it(world: World, version: str, told: bool) -> None:
    """From 3.22 on a success names the operator as the Dashboard knows it, answered or reported; before, none does."""
    installation = await world.house.installations.find(world.saleor.config.api_url)
    assert installation is not None
    await world.as_version(version)
    try:
        transaction, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id, notify="never", operator="MOMO")
        await world.saleor.process(transaction)
        (_, answer) = world.answers()[-1]
        expected = {"type": "OTHER", "name": "mtn_mobile_money"} if told else None
        assert expected == answer.get("paymentMethodDetails")
        told_first, trans_id = await world.at_cinetpay()
        await world.cinetpay.settle(trans_id, operator="MOMO")
        await world.reported(told_first, "CHARGE_SUCCESS")
        method = told_first.payment_method_details
        assert expected == (method and {"type": method.kind, "name": method.name})
    finally:
        await world.as_version(installation.saleor_version)
