"""Addresses have one spelling, and only those that the operator admits may install."""

import pytest

from saleor_cinetpay.errors import AddressForbidden
from saleor_cinetpay.saleor.address import AddressRules, better_pattern, compile_pattern, normalised


@pytest.mark.parametrize(
    ("raw", "spelling"),
    [
        ("https://shop.example/graphql/", "https://shop.example/graphql/"),
        ("HTTPS://Shop.EXAMPLE:443/graphql/", "https://shop.example/graphql/"),
        ("http://shop.example:80/graphql/", "http://shop.example/graphql/"),
        ("https://shop.example:8443/graphql/", "https://shop.example:8443/graphql/"),
        ("https://shop.example./graphql/", "https://shop.example/graphql/"),
        ("https://shop.example", "https://shop.example/"),
        ("https://boutique-é.example/graphql/", "https://xn--boutique--j4a.example/graphql/"),
        ("http://[::1]:8000/graphql/", "http://[::1]:8000/graphql/"),
        ("http://saleor_api:8000/graphql/", "http://saleor_api:8000/graphql/"),
    ],
)
def test_one_spelling(raw: str, spelling: str) -> None:
    """Whatever way an address is written, it is kept in one spelling."""
    assert spelling == normalised(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "shop.example",
        "//shop.example/graphql/",
        "https:shop.example/graphql/",
        "https:///graphql/",
        "ftp://shop.example/graphql/",
        "file:///etc/passwd",
        "https://good.example@evil.example/graphql/",
        "https://good.example\\@evil.example/graphql/",
        "https://good.example%40evil.example/graphql/",
        "https://@shop.example/graphql/",
        "https://shop.example/graphql/?next=x",
        "https://shop.example/graphql/#x",
        "https://shop.example?.good.example/graphql/",
        "https://shop.example../graphql/",
        "https://.shop.example/graphql/",
        "https://shop example/graphql/",
        "https://shop.example/graphql/\n",
        "\thttps://shop.example/graphql/",
        "https://shop.example:0/graphql/",
        "https://shop.example:65536/graphql/",
        "https://shop.example:x/graphql/",
        "https://*.example/graphql/",
        "https://ⓢhop.example/graphql/",
        "https://shop.example/" + "a" * 500,
    ],
)
def test_no_plain_address(raw: str) -> None:
    """Userinfo, queries, fragments, odd hosts and whatever hides another host are refused."""
    with pytest.raises(AddressForbidden):
        normalised(raw)


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("https://shop.example/graphql/", "https://shop.example/graphql/"),
        ("HTTPS://Shop.Example:443/graphql/", "https://shop.example/graphql/"),
        ("https://shop.example/graphql/", "https://SHOP.example.:443/graphql/"),
        ("https://*.shop.example/graphql/", "https://a.shop.example/graphql/"),
        ("https://*.shop.example/graphql/", "https://a.b.shop.example/graphql/"),
        ("https://*.boutique-é.example/graphql/", "https://a.boutique-é.example/graphql/"),
        ("https://shop.example/*/graphql/", "https://shop.example/fr/graphql/"),
        ("https://shop.example:*/graphql/", "https://shop.example:8443/graphql/"),
        ("https://shop.example", "https://shop.example/"),
    ],
)
def test_pattern_admits(pattern: str, address: str) -> None:
    """A pattern admits what it names, however either of them is spelled; `*` may span dots."""
    assert normalised(address) == AddressRules(allowed=("https://other.example/", pattern)).admit(address)


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        ("https://shop.example/graphql/", "https://shop.example/graphql"),
        ("https://shop.example/graphql/", "https://shop.example/graphql/x"),
        ("https://shop.example/graphql/", "https://xshop.example/graphql/"),
        ("https://shop.example/graphql/", "https://shopxexample/graphql/"),
        ("https://*.shop.example/graphql/", "https://shop.example/graphql/"),
        ("https://*.shop.example/graphql/", "https://evil.example/.shop.example/graphql/"),
        ("https://*/graphql/", "https://shop.example:8443/graphql/"),
        ("https://shop.example/*/", "https://shop.example/a/b/"),
        ("https://shop.example:*/graphql/", "https://shop.example/graphql/"),
        ("https://*.shop.example/graphql/", "https://evil.example:1@a.shop.example/graphql/"),
    ],
)
def test_pattern_refuses(pattern: str, address: str) -> None:
    """A pattern is matched whole, and `*` never spans `/ : @ ? #` nor nothing."""
    with pytest.raises(AddressForbidden):
        AddressRules(allowed=(pattern,)).admit(address)


@pytest.mark.parametrize(
    "written",
    ["", "*", "shop.example", "https://", "https://a@b/", "https://a/?b", "https://a:b/", "https://ⓢ.b/", "ftp://a/"],
)
def test_unreadable_pattern(written: str) -> None:
    """A pattern that can't be read stops the start instead of refusing every shop later."""
    with pytest.raises(ValueError, match=r"no pattern|host name|no web address"):
        compile_pattern(written)


@pytest.mark.parametrize(
    ("written", "development", "better"),
    [
        ("https://*", False, "https://*/graphql/"),
        ("https://*/", False, "https://*/graphql/"),
        ("https://*.shop.example/*", False, "https://*.shop.example/graphql/"),
        ("https://shop.example:8443/graphql", False, "https://shop.example:8443/graphql/"),
        ("https://shop.example/graphql/api/", False, "https://shop.example/graphql/"),
        ("https://shop.example/graphql/api", False, "https://shop.example/graphql/"),
        ("http://shop.example/fr/graphql/", False, "https://shop.example/fr/graphql/"),
        ("http://localhost:*", True, "http://localhost:*/graphql/"),
    ],
)
def test_a_pattern_that_matches_no_saleor_has_a_better_one(written: str, development: bool, better: str) -> None:
    """What can be read and can admit nobody is found, and what to write instead may admit a Saleor."""
    assert better == better_pattern(written, development=development)
    assert better_pattern(better, development=development) is None


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://*/graphql/", "https://shop.example/graphql/"),
        ("https://shop.example/*/", "https://shop.example/graphql/"),
        ("https://shop.example/*/gr*/", "https://shop.example/fr/graphql/"),
        ("HTTP*://shop.example/graphql/", "https://shop.example/graphql/"),
    ],
)
def test_a_pattern_that_matches_a_saleor_is_left_alone(written: str, address: str) -> None:
    """Nothing is said against a pattern that admits an address as Saleors have it."""
    assert address == AddressRules(allowed=(written,)).admit(address)
    assert better_pattern(written, development=False) is None


def test_only_https_counts() -> None:
    """Without development, http is refused even where a pattern names it."""
    with pytest.raises(AddressForbidden, match="not https"):
        AddressRules(allowed=("http://shop.example/graphql/",)).admit("http://shop.example/graphql/")


def test_development_admits_http_and_loopback() -> None:
    """In development http, loopback and private addresses count."""
    rules = AddressRules(development=True)

    assert "http://127.0.0.1:8000/graphql/" == rules.admit("http://127.0.0.1:8000/graphql/")
    assert "http://localhost:8000/graphql/" == rules.admit("http://localhost:8000/graphql/")


def test_development_keeps_to_its_patterns() -> None:
    """Patterns bind in development too."""
    with pytest.raises(AddressForbidden, match="ALLOWED_SALEOR_URLS"):
        AddressRules(allowed=("http://localhost:*/graphql/",), development=True).admit("http://10.0.0.1:8000/graphql/")
