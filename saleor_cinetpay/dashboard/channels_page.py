"""Settings: which channels use which account."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from saleor_cinetpay.dashboard.answers import Alert, Answer, Done, Page, PageRoute, Tone, Visit
from saleor_cinetpay.dashboard.forms import OVERTAKEN, Form
from saleor_cinetpay.dashboard.settings_page import SALEOR_AWAY
from saleor_cinetpay.dashboard.shop_means import Channels, ShopChannel, ShopMeans, by_key
from saleor_cinetpay.errors import ChangedMeanwhile
from saleor_cinetpay.locale import Text, text
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.channels import UnknownAccountKey

FIELD = "account:"
"""Before a channel's id, the name of its field."""

log = structlog.get_logger(__name__)


class ChannelPages:
    """The map of channels."""

    section = None

    def __init__(self, means: ShopMeans) -> None:
        self._means = means

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [
            PageRoute("/settings/channels", self.edit),
            PageRoute("/settings/channels", self.save, method="POST"),
        ]

    async def edit(self, visit: Visit) -> Answer:
        """Show which account each channel uses."""
        channels = await self._means.channels_of(visit.visitor)
        page = await self._page(visit, channels, {one.id: one.account_key or "" for one in channels.all})
        return replace(page, alert=Alert(message=SALEOR_AWAY, tone=Tone.WARNING)) if channels.away else page

    async def save(self, visit: Visit) -> Answer:
        """Save the map, unless it can't be, or somebody else was faster."""
        form = await visit.form()
        channels = await self._means.channels_of(visit.visitor)
        usable = _usable(*await self._means.accounts_of(visit.visitor))
        typed = _typed(form, channels)
        changed = [one for one in channels.all if typed[one.id] != (one.account_key or "")]
        errors = {f"{FIELD}{one.id}": error for one in changed if (error := _error(one, typed[one.id], usable))}
        if errors:
            return replace(await self._page(visit, channels, typed, errors=errors), status=422)
        if form.version() != channels.version:
            return await self._overtaken(visit, channels, typed)
        url = visit.visitor.saleor_api_url
        try:
            await self._means.channel_map.save(
                url, {one.channel: typed[one.id] or None for one in changed}, version=channels.version
            )
        except (ChangedMeanwhile, UnknownAccountKey):
            return await self._overtaken(visit, await self._means.channels_of(visit.visitor), typed)
        for one in changed:
            log.info(
                "channel_mapped",
                saleor_api_url=url,
                who=visit.visitor.who,
                channel=one.channel.slug,
                before=one.account_key,
                now=typed[one.id] or None,
            )
        return Done("/settings", text("Saved."))

    async def _overtaken(self, visit: Visit, channels: Channels, typed: Mapping[str, str]) -> Page:
        known = {one.id: typed.get(one.id, one.account_key or "") for one in channels.all}
        page = await self._page(visit, channels, known, overtaken=True)
        return replace(page, status=409, alert=Alert(message=OVERTAKEN))

    async def _page(
        self,
        visit: Visit,
        channels: Channels,
        chosen: Mapping[str, str],
        *,
        errors: Mapping[str, Text] | None = None,
        overtaken: bool = False,
    ) -> Page:
        operators, own = await self._means.accounts_of(visit.visitor)
        values = {
            "channels": channels.all,
            "version": channels.version,
            "chosen": chosen,
            "operators": operators,
            "own": own,
            "usable": _usable(operators, own),
            "all_accounts": by_key(operators, own),
            "overtaken": overtaken,
            "away": channels.away,
            "errors": errors or {},
            "field": FIELD,
        }
        return Page("channels.html", text("Channels"), values)


def _usable(operators: Account | None, own: Sequence[Account]) -> Mapping[str, Account]:
    return by_key(operators, [account for account in own if account.archived_at is None])


def _typed(form: Form, channels: Channels) -> dict[str, str]:
    """Return the account key that was chosen for each channel; one without a field stays as it is."""
    return {
        one.id: form.text(f"{FIELD}{one.id}") if form.checked(f"{FIELD}{one.id}") else one.account_key or ""
        for one in channels.all
    }


def _error(channel: ShopChannel, key: str, usable: Mapping[str, Account]) -> Text | None:
    if not key:
        return None
    if not channel.can_be_mapped:
        return text("CinetPay takes XOF only.")
    return None if key in usable else text("This account is no longer in use. Please choose another one.")
