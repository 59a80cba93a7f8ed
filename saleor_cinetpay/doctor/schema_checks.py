"""A live Saleor's schema against what the app sends and subscribes to."""

from collections.abc import AsyncIterator

from saleor_cinetpay.doctor.finding import Finding, Voice, english
from saleor_cinetpay.doctor.means import Means
from saleor_cinetpay.errors import AddressForbidden, SaleorError
from saleor_cinetpay.saleor.address import AddressRules
from saleor_cinetpay.saleor.introspection import documents_for, fetch_schema, fetch_schema_version, misunderstood


async def saleor_schema(means: Means, saleor_api_url: str) -> AsyncIterator[Finding]:
    """That Saleor understands every document and every subscription; one unknown field fails a whole install."""
    voice = Voice("saleor_schema", saleor_api_url)
    settings = means.settings
    try:
        url = AddressRules(development=not settings.production).admit(saleor_api_url)
        version = await fetch_schema_version(means.http, url)
        schema = await fetch_schema(means.http, url)
    except (AddressForbidden, SaleorError) as error:
        yield voice.failure(
            english("The schema could not be read: {reason}.", reason=str(error)),
            english("Give the API URL, such as https://shop.example/graphql/, of a Saleor that allows introspection."),
        )
        return
    wrong = misunderstood(schema, version)
    for name, messages in wrong.items():
        yield voice.failure(
            english("Saleor {version} does not understand {name}: {why}", version=version, name=name, why=messages[0]),
            english("This version of the app does not fit that Saleor: look for a newer one."),
        )
    if not wrong:
        count = len(documents_for(version))
        yield voice.ok(
            english("Saleor {version} understands all {count} documents of the app.", version=version, count=count)
        )
