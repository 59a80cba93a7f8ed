"""`make schema` writes what a running Saleor says of itself to where the tests look for it."""

import runpy
from pathlib import Path

import pytest
from app_kit import World
from graphql import build_schema

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "schema"))


async def test_a_saleors_schema_is_fetched(world: World, tmp_path: Path) -> None:
    """The file has the version's name and holds the whole schema."""
    place = await SCRIPT["fetch"](world.saleor.config.api_url, tmp_path)
    assert tmp_path / "3.23" / "schema.graphql" == place
    fetched, held = build_schema(place.read_text("utf-8")), world.saleor.schema
    assert set(held.type_map) == set(fetched.type_map)
