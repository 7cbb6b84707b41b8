"""Fake online geocoders on loopback that speak the JSON of Nominatim, Photon and Pelias, and count who asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

#: A building in Mashiki, about where its town hall is.
LAT, LON = 32.7913, 130.8169


class FakeGeocoder:
    """What it was asked, and how it answers: `mode` is "house", "street", "city", "nothing" or a fault."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.mode = "house"
        self.lat, self.lon = LAT, LON
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        match self.mode:
            case "slow":
                await asyncio.sleep(60)
            case "error":
                return web.Response(status=500, text="out of order")
            case "too many":
                return web.Response(status=429)
            case "html":
                return web.Response(text="<html>sign in</html>", content_type="text/html")
            case "other":
                return web.json_response([{"hello": "world"}])
        return web.json_response(self._body(request.path))

    def _body(self, path: str) -> Any:
        if path == "/search":
            return [] if self.mode == "nothing" else [self._nominatim()]
        features = [] if self.mode == "nothing" else [self._photon() if path == "/api" else self._pelias()]
        return {"type": "FeatureCollection", "features": features}

    def _nominatim(self) -> dict[str, Any]:
        kind = {"house": "building", "street": "road", "city": "city"}[self.mode]
        half = {"house": 0.0002, "street": 0.004, "city": 0.2}[self.mode]
        return {
            "place_id": 1,
            "licence": "Data © OpenStreetMap contributors, ODbL 1.0",
            "osm_type": "way",
            "lat": str(self.lat),
            "lon": str(self.lon),
            "class": "amenity",
            "type": "townhall",
            "addresstype": kind,
            "display_name": "益城町, 上益城郡, 熊本県, 日本",
            "address": {"town": "益城町", "country_code": "jp"},
            "boundingbox": [f"{self.lat - half}", f"{self.lat + half}", f"{self.lon - half}", f"{self.lon + half}"],
        }

    def _photon(self) -> dict[str, Any]:
        return {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [self.lon, self.lat]},
            "properties": {"osm_value": "townhall", "type": self.mode, "name": "益城町役場", "countrycode": "JP"},
        }

    def _pelias(self) -> dict[str, Any]:
        layer = {"house": "address", "street": "street", "city": "locality"}[self.mode]
        return {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [self.lon, self.lat]},
            "properties": {"layer": layer, "accuracy": "point", "label": "Mashiki, KM, Japan", "name": "Mashiki"},
        }


@asynccontextmanager
async def geocoder_server() -> AsyncIterator[FakeGeocoder]:
    """A server that answers /search (Nominatim), /api (Photon) and /v1/search (Pelias)."""
    fake = FakeGeocoder()
    app = web.Application()
    for path in ("/search", "/api", "/v1/search"):
        app.router.add_get(path, fake.answer)
    server = TestServer(app)
    await server.start_server()
    fake.url = f"http://127.0.0.1:{server.port}"
    try:
        yield fake
    finally:
        await server.close()
