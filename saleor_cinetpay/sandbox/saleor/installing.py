"""How Saleor installs an app: it reads the manifest, checks every query, and hands over a token."""

import secrets
from typing import Any

import httpx2 as httpx
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType, parse, validate
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from saleor_cinetpay.sandbox.saleor.config import SaleorConfig
from saleor_cinetpay.sandbox.saleor.messages import MessageLog
from saleor_cinetpay.sandbox.saleor.records import App, Extension, Webhook
from saleor_cinetpay.sandbox.saleor.store import Store

WIDGETS_SINCE = (3, 22)
OLD_MOUNTS = frozenset({"ORDER_DETAILS_MORE_ACTIONS", "ORDER_OVERVIEW_MORE_ACTIONS", "NAVIGATION_ORDERS"})
NEW_MOUNTS = frozenset({"ORDER_DETAILS_WIDGETS"})
OLD_TARGETS = frozenset({"POPUP", "APP_PAGE"})
NEW_TARGETS = frozenset({"NEW_TAB", "WIDGET"})


class InstallationFailed(Exception):
    """The app was not installed; the text is what staff see."""


class WebhookManifest(BaseModel):
    """A webhook as a manifest declares it."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: str
    target_url: str
    query: str
    is_active: bool = True
    sync_events: list[str] = Field(default_factory=list)
    async_events: list[str] = Field(default_factory=list)


class ExtensionManifest(BaseModel):
    """An extension of the Dashboard as a manifest declares it."""

    model_config = ConfigDict(alias_generator=to_camel)

    label: str
    mount: str
    target: str = "POPUP"
    url: str
    permissions: list[str] = Field(default_factory=list)


class Manifest(BaseModel):
    """What of a manifest matters here; Saleor reads more."""

    model_config = ConfigDict(alias_generator=to_camel)

    id: str
    name: str
    version: str
    permissions: list[str] = Field(default_factory=list)
    token_target_url: str | None = None
    app_url: str | None = None
    webhooks: list[WebhookManifest] = Field(default_factory=list)
    extensions: list[ExtensionManifest] = Field(default_factory=list)


class Installer:
    """Installs apps into one Saleor."""

    def __init__(
        self, config: SaleorConfig, store: Store, http: httpx.AsyncClient, schema: GraphQLSchema, log: MessageLog
    ) -> None:
        self._config = config
        self._store = store
        self._http = http
        self._schema = schema
        self._log = log
        self._timeout = httpx.Timeout(config.read_timeout_s, connect=config.connect_timeout_s)
        self._schema_version = ".".join(map(str, config.schema_version))

    async def install(self, manifest_url: str) -> App:
        """Install an app. One that is installed must be deleted first; the old token is dead then.

        Raises:
            InstallationFailed: where it is installed already, or the manifest, a query or the registration does not
                do; nothing is left of it.
        """
        manifest = await self._fetch(manifest_url)
        if installed := self._store.apps.get(manifest.id):
            raise InstallationFailed(f"App with the same identifier is already installed: {installed.name}")
        for webhook in manifest.webhooks:
            if complaint := self.complaint_about(webhook.query):
                raise InstallationFailed(f"Subscription query is not valid: {webhook.name}: {complaint}")
        for extension in manifest.extensions:
            self._check_extension(extension, manifest)
        app = App(
            pk=self._store.next_pk(),
            identifier=manifest.id,
            name=manifest.name,
            version=manifest.version,
            app_url=manifest.app_url,
            manifest_url=manifest_url,
            permission_codes=tuple(manifest.permissions),
            webhooks=[
                Webhook(
                    pk=self._store.next_pk(),
                    name=w.name,
                    target_url=w.target_url,
                    sync=frozenset(w.sync_events),
                    asynchronous=frozenset(w.async_events),
                    query=w.query,
                    is_active=w.is_active,
                )
                for w in manifest.webhooks
            ],
            extensions=tuple(
                Extension(
                    label=e.label,
                    mount=e.mount,
                    target=e.target,
                    url=e.url if "://" in e.url else f"{manifest.app_url}{e.url}",
                    identifier=f"{manifest.id}:{number}",
                )
                for number, e in enumerate(manifest.extensions)
            ),
            auth_token=secrets.token_urlsafe(24),
            created=self._config.now(),
        )
        self._store.apps[app.identifier] = app
        try:
            if manifest.token_target_url:
                await self._hand_over(manifest.token_target_url, app.auth_token)
        except InstallationFailed:
            del self._store.apps[app.identifier]
            raise
        return app

    async def _fetch(self, manifest_url: str) -> Manifest:
        headers = {"Saleor-Schema-Version": self._schema_version}
        body = await self._exchange("GET", manifest_url, "manifest", headers, None)
        if not isinstance(body, dict):
            raise InstallationFailed("Invalid manifest format.")
        try:
            return Manifest.model_validate(body)
        except ValidationError as error:
            complaints = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InstallationFailed(f"Invalid manifest format. {'; '.join(complaints)}") from None

    def complaint_about(self, query: str) -> str | None:
        """Say what this very version of Saleor does not understand in a subscription."""
        try:
            document = parse(query)
            errors = validate(self._schema, document)
        except GraphQLError as error:
            errors = [error]
        else:
            operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
            if [o.operation for o in operations] != [OperationType.SUBSCRIPTION]:
                errors = [*errors, GraphQLError("Only subscriptions are allowed")]
        return errors[0].message if errors else None

    def _check_extension(self, extension: ExtensionManifest, manifest: Manifest) -> None:
        """Refuse what this version's Dashboard does not have."""
        mounts, targets = OLD_MOUNTS, OLD_TARGETS
        if self._config.schema_version >= WIDGETS_SINCE:
            mounts, targets = mounts | NEW_MOUNTS, targets | NEW_TARGETS
        if extension.mount not in mounts or extension.target not in targets:
            raise InstallationFailed(f"Incorrect value for field: mount or target. {extension.mount}")
        if not {*extension.permissions} <= {*manifest.permissions}:
            raise InstallationFailed("Extension permission must be listed in App's permissions.")
        if "://" not in extension.url and (extension.target == "WIDGET" or not manifest.app_url):
            raise InstallationFailed("Incorrect value for field: url.")

    async def _hand_over(self, target_url: str, token: str) -> None:
        headers = {
            "Saleor-Api-Url": self._config.api_url,
            "Saleor-Domain": self._config.domain,
            "X-Saleor-Domain": self._config.domain,
            "Saleor-Schema-Version": self._schema_version,
        }
        await self._exchange("POST", target_url, "registration", headers, {"auth_token": token})

    async def _exchange(self, method: str, url: str, title: str, headers: dict[str, str], content: object) -> Any:
        """Ask the app, and take nothing but a 2xx."""
        self._log.add("saleor", "app", title, {"url": url, **({"body": content} if content else {})})
        try:
            response = await self._http.request(method, url, headers=headers, json=content, timeout=self._timeout)
        except httpx.TransportError as error:
            self._log.add("app", "saleor", title, {"error": type(error).__name__}, ok=False)
            raise InstallationFailed(f"Failed to connect to app. {type(error).__name__}") from error
        try:
            body = response.json()
        except ValueError:
            body = None
        self._log.add("app", "saleor", title, {"status": response.status_code, "body": body}, ok=response.is_success)
        if not response.is_success:
            raise InstallationFailed(_reason(body) or f"App internal error ({response.status_code}).")
        return body


def _reason(body: Any) -> str | None:
    """Take `error.message` out of an app's refusal."""
    error = body.get("error") if isinstance(body, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return str(message) if message else None
