"""Settings: the CinetPay accounts that a shop has set up itself.

What is saved is tested with a real call first. Credentials that were typed and that CinetPay says it does not know
(609, 613, 601) are not kept: they would take no payment, ever. In every other case the form is saved, with a warning
that says what is wrong: an account whose CinetPay is away, whose subscription has ended or whose key was changed
elsewhere must not keep its people from entering the new key, or a limit, at the very time they need to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from saleor_cinetpay.dashboard.account_form import COUNTRIES, Entered, changes, read_account, shown, typed
from saleor_cinetpay.dashboard.answers import Alert, Answer, Done, NotThere, Page, PageRoute, Tone, Visit
from saleor_cinetpay.dashboard.forms import OVERTAKEN, Errors, Form
from saleor_cinetpay.dashboard.shop_means import ShopChannel, ShopMeans, shown_standing
from saleor_cinetpay.errors import ChangedMeanwhile, SiteTaken
from saleor_cinetpay.locale import Language, Text, text
from saleor_cinetpay.payments.credentials import Standing, Trial
from saleor_cinetpay.shops.account_book import TooManyAccounts
from saleor_cinetpay.shops.accounts import Account, Environment

ACCOUNT = "/settings/accounts/{key}"
NEW = "/settings/accounts/new"
BEGINNING: Mapping[str, object] = {
    "label": "",
    "site_id": "",
    "environment": Environment.LIVE,
    "currency": "CFA",
    "minimum": 100,
    "maximum": "",
    "step": 5,
    "default_prefix": "225",
    "language": Language.FRENCH,
    "phone_required": False,
}
"""What the form of a new account begins with; amounts as most operators want them."""

log = structlog.get_logger(__name__)


class AccountPages:
    """The accounts of a shop, one by one."""

    section = None

    def __init__(self, means: ShopMeans) -> None:
        self._means = means

    def routes(self) -> Sequence[PageRoute]:
        """Return the addresses."""
        return [
            PageRoute(NEW, self.begin),
            PageRoute(NEW, self.add, method="POST"),
            PageRoute(ACCOUNT, self.edit),
            PageRoute(ACCOUNT, self.save, method="POST"),
            PageRoute(f"{ACCOUNT}/test", self.test, method="POST"),
            PageRoute(f"{ACCOUNT}/archive", self.archive, method="POST"),
            PageRoute(f"{ACCOUNT}/put-back", self.put_back, method="POST"),
            PageRoute(f"{ACCOUNT}/delete", self.delete, method="POST"),
        ]

    async def begin(self, visit: Visit) -> Answer:
        """Show an empty form; a shop's first account is offered to every channel that sells in francs."""
        free = await self._free_channels(visit)
        first = not await self._means.accounts.of_shop(visit.visitor.saleor_api_url)
        serves = {one.id for one in free if one.is_active} if first else set()
        return self._new(free, {**BEGINNING, "serves": serves}, {})

    async def add(self, visit: Visit) -> Answer:
        """Test and keep a new account."""
        form = await visit.form()
        free = await self._free_channels(visit)
        entered = read_account(form, None, self._means.accounts.offered)
        if not isinstance(entered, Entered):
            return self._refused_new(free, form, entered)
        draft = self._draft(visit, entered)
        trial = await self._means.credentials.test(draft)
        if trial.standing is Standing.WRONG:
            return self._refused_new(free, form, _errors_of(trial))
        serves = [one.channel for one in free if one.id in form.all("serves")]
        try:
            kept = await self._means.book.add(draft, trial.check, serves)
        except SiteTaken:
            return self._refused_new(free, form, {"site_id": await self._taken(draft)})
        except TooManyAccounts:
            return self._refused_new(free, form, {"label": text("This shop has as many accounts as it may.")})
        await self._means.credentials.note(kept, trial)
        slugs = [channel.slug for channel in serves]
        log.info("account_added", **_about(visit, kept), site_id=kept.site_id, check=trial.check.code, channels=slugs)
        return _saved(trial)

    async def edit(self, visit: Visit) -> Answer:
        """Show the form of an account."""
        account = await self._find(visit)
        return NotThere() if account is None else self._form(account, shown(account))

    async def save(self, visit: Visit) -> Answer:
        """Test and save what was typed, unless it can't be, or somebody else was faster."""
        account = await self._find(visit)
        if account is None:
            return NotThere()
        form = await visit.form()
        entered = read_account(form, account, self._means.accounts.offered)
        if not isinstance(entered, Entered):
            return self._refused(account, form, entered)
        if form.version() != account.version:
            return self._overtaken(account, form)
        trial = await self._means.credentials.test(replace(account, api_key=entered.api_key or account.api_key))
        if trial.standing is Standing.WRONG and entered.api_key is not None:
            return self._refused(account, form, {"api_key": trial.said})
        try:
            saved = await self._means.book.change(account, entered.choices, api_key=entered.api_key, check=trial.check)
        except ChangedMeanwhile:
            return self._overtaken(await self._find(visit) or account, form)
        await self._means.credentials.note(saved, trial)
        log.info("account_changed", **_about(visit, saved), changed=changes(account, saved), check=trial.check.code)
        return _saved(trial)

    async def test(self, visit: Visit) -> Answer:
        """Test an account as it is kept."""
        account = await self._find(visit)
        if account is None:
            return NotThere()
        trial = await self._means.credentials.test(account)
        await self._means.book.note_check(account, trial.check)
        await self._means.credentials.note(account, trial)
        log.info("account_tested", **_about(visit, account), check=trial.check.code)
        return Done(_path(account), trial.said, Tone.GOOD if trial.standing is Standing.PROVED else Tone.WARNING)

    async def archive(self, visit: Visit) -> Answer:
        """Use an account for no new payment any more."""
        account = await self._seen(visit)
        if account is None:
            return NotThere()
        try:
            await self._means.book.archive(account)
        except ChangedMeanwhile:
            return Done(_path(account), OVERTAKEN_ACTION, Tone.WARNING)
        log.info("account_archived", **_about(visit, account))
        return Done("/settings", text("The account is archived. Its old payments are still looked after."))

    async def put_back(self, visit: Visit) -> Answer:
        """Let an archived account be used again."""
        account = await self._seen(visit)
        if account is None:
            return NotThere()
        try:
            await self._means.book.put_back(account)
        except ChangedMeanwhile:
            return Done(_path(account), OVERTAKEN_ACTION, Tone.WARNING)
        log.info("account_put_back", **_about(visit, account))
        return Done("/settings/channels", text("The account can be used again. Choose the channels that use it."))

    async def delete(self, visit: Visit) -> Answer:
        """Delete an archived account that no payment has used."""
        account = await self._seen(visit)
        if account is None:
            return NotThere()
        if not await self._means.book.delete(account):
            return Done(_path(account), CAN_NOT_DELETE, Tone.WARNING)
        log.info("account_deleted", **_about(visit, account), site_id=account.site_id)
        return Done("/settings", text("The account is deleted."))

    async def _find(self, visit: Visit) -> Account | None:
        return await self._means.book.find(visit.visitor.saleor_api_url, visit.part("key"))

    async def _seen(self, visit: Visit) -> Account | None:
        """Return the account as the page that asks has shown it."""
        account = await self._find(visit)
        version = (await visit.form()).version()
        return None if account is None else replace(account, version=version)

    async def _free_channels(self, visit: Visit) -> list[ShopChannel]:
        channels = await self._means.channels_of(visit.visitor)
        return [one for one in channels.all if one.can_be_mapped and one.account_key is None]

    def _draft(self, visit: Visit, entered: Entered) -> Account:
        assert entered.api_key is not None  # noqa: S101  a new account's form is refused without one
        return self._means.book.draft(
            visit.visitor.saleor_api_url,
            site_id=entered.site_id,
            api_key=entered.api_key,
            environment=entered.environment,
            choices=entered.choices,
        )

    async def _taken(self, draft: Account) -> Text:
        own = await self._means.accounts.of_shop(draft.saleor_api_url)
        site = (draft.environment, draft.site_id)
        label = next((one.label for one in own if (one.environment, one.site_id) == site), "")
        return text("This site id belongs to the account “{label}” already, in use or archived.", label=label)

    def _new(self, free: Sequence[ShopChannel], values: Mapping[str, object], errors: Errors) -> Page:
        page = self._form(None, values, errors=errors)
        return replace(page, title=text("New account"), values={**page.values, "action": NEW, "free": free})

    def _refused_new(self, free: Sequence[ShopChannel], form: Form, errors: Errors) -> Page:
        return replace(self._new(free, typed(form), errors), status=422)

    def _refused(self, account: Account, form: Form, errors: Errors) -> Page:
        """Show the form again; its version stays what it was, so that an overtaken one is still noticed."""
        page = self._form(account, typed(form), errors=errors)
        return replace(page, status=422, values={**page.values, "version": form.text("version")})

    def _overtaken(self, account: Account, form: Form) -> Page:
        page = self._form(account, typed(form), stored=shown(account))
        return replace(page, status=409, alert=Alert(message=OVERTAKEN))

    def _form(
        self,
        account: Account | None,
        values: Mapping[str, object],
        *,
        errors: Errors | None = None,
        stored: Mapping[str, object] | None = None,
    ) -> Page:
        given: dict[str, object] = {
            "action": _path(account) if account else NEW,
            "account": account,
            "version": account.version if account else 0,
            "typed": values,
            "errors": errors or {},
            "stored": stored,
            "free": [],
            "offered": self._means.accounts.offered,
            "countries": COUNTRIES,
            "standing": shown_standing(account, self._means.accounts.offered) if account else None,
        }
        return Page("account.html", text("Account"), given)


OVERTAKEN_ACTION = text("Somebody else has changed this account meanwhile. Look at it, then try again.")
CAN_NOT_DELETE = text(
    "The account can't be deleted: payments have used it, or it was archived less than a minute ago. "
    "Archived accounts take no new payments."
)


def _about(visit: Visit, account: Account) -> dict[str, object]:
    """Return what every log event of an account says: whose it is, which, and who did it."""
    return {
        "saleor_api_url": account.saleor_api_url,
        "who": visit.visitor.who,
        "account_key": account.account_key,
        "label": account.label,
    }


def _errors_of(trial: Trial) -> Errors:
    return {trial.field or "api_key": trial.said}


def _saved(trial: Trial) -> Done:
    if trial.standing is Standing.PROVED:
        return Done("/settings", text("Saved. CinetPay knows this site id and this API key."))
    return Done("/settings", text("Saved, but not confirmed. {why}", why=trial.said), Tone.WARNING)


def _path(account: Account) -> str:
    return ACCOUNT.format(key=account.account_key)
