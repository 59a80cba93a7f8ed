"""Settings: the overview, and what a shop chooses for its storefronts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog

from saleor_cinetpay.dashboard import storefront_form
from saleor_cinetpay.dashboard.answers import Alert, Answer, Done, Page, PageRoute, Section, Tone, Visit
from saleor_cinetpay.dashboard.forms import OVERTAKEN, Errors
from saleor_cinetpay.dashboard.shop_means import Channels, ShopMeans, by_key, shown_standing
from saleor_cinetpay.errors import ChangedMeanwhile
from saleor_cinetpay.locale import text
from saleor_cinetpay.shops.accounts import Account
from saleor_cinetpay.shops.shop_settings import ShopChoices

SALEOR_AWAY = text("Saleor did not answer, so only the channels that are mapped already are shown.")

log = structlog.get_logger(__name__)


class SettingsPages:
    """The overview of a shop's settings, and the form of its storefronts."""

    section = Section(path="/settings", title=text("Settings"), order=50)

    def __init__(self, means: ShopMeans) -> None:
        self._means = means

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [
            PageRoute("/settings", self.show),
            PageRoute("/settings/storefront", self.edit),
            PageRoute("/settings/storefront", self.save, method="POST"),
        ]

    async def show(self, visit: Visit) -> Answer:
        """Show everything that the shop has set."""
        operators, own = await self._means.accounts_of(visit.visitor)
        channels = await self._means.channels_of(visit.visitor)
        in_use = [account for account in own if account.archived_at is None]
        served = [operators] if operators and _serves(operators, own, channels) else []
        values = {
            "operators": operators,
            "in_use": in_use,
            "archived": [account for account in own if account.archived_at is not None],
            "names": {
                key: [one.name for one in channels.all if one.account_key == key] for key in by_key(operators, own)
            },
            "channels": channels,
            "used": by_key(operators, own),
            "operators_serves_all": operators is not None and not own,
            "nothing_set": operators is None and not in_use,
            "addressed": [*in_use, *served],
            "base": self._means.base_of(visit.visitor),
            "choices": await self._means.shop_settings.of(visit.visitor.saleor_api_url),
            "standing": partial(shown_standing, offered=self._means.accounts.offered),
        }
        alert = Alert(message=SALEOR_AWAY, tone=Tone.WARNING) if channels.away else None
        return Page("settings.html", text("Settings"), values, alert=alert)

    async def edit(self, visit: Visit) -> Answer:
        """Show the form of the storefronts."""
        choices = await self._means.shop_settings.of(visit.visitor.saleor_api_url)
        return self._form(choices.version, storefront_form.shown(choices))

    async def save(self, visit: Visit) -> Answer:
        """Save what was typed, unless it can't be, or somebody else was faster."""
        form = await visit.form()
        seen = form.version()
        url = visit.visitor.saleor_api_url
        entered = storefront_form.read_storefront(form, development=self._means.development)
        if not isinstance(entered, storefront_form.Entered):
            page = self._form(seen, storefront_form.typed(form), errors=entered)
            return replace(page, status=422)
        chosen = ShopChoices(
            storefront_origins=entered.origins,
            complete_after=entered.complete_after,
            version=seen,
        )
        try:
            await self._means.shop_settings.choose(url, chosen)
        except ChangedMeanwhile:
            stored = await self._means.shop_settings.of(url)
            page = self._form(stored.version, storefront_form.typed(form), stored=storefront_form.shown(stored))
            return replace(page, status=409, alert=Alert(message=OVERTAKEN))
        log.info(
            "storefront_changed",
            saleor_api_url=url,
            who=visit.visitor.who,
            origins=sorted(chosen.storefront_origins),
            complete_after_s=chosen.complete_after.total_seconds() if chosen.complete_after else None,
        )
        return Done("/settings", text("Saved."))

    def _form(
        self,
        version: int,
        values: Mapping[str, object],
        *,
        errors: Errors | None = None,
        stored: Mapping[str, object] | None = None,
    ) -> Page:
        given = {"version": version, "typed": values, "errors": errors or {}, "stored": stored}
        return Page("storefront.html", text("Storefronts and closed tabs"), given)


def _serves(operators: Account, own: Sequence[Account], channels: Channels) -> bool:
    return not own or any(one.account_key == operators.account_key for one in channels.all)
