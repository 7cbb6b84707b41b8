"""/voice/<language>/<key>.mp3: the recordings that calls play, for the telephone provider. Anybody may hear them."""

from __future__ import annotations

from aiohttp import web

from alerts.recordings import TYPES, Recordings
from core.web import PUBLIC, Route, site

#: Seconds that the provider may keep a recording; a new one has a new address.
KEEP_S = 86_400


async def recording(request: web.Request) -> web.StreamResponse:
    """GET /voice/{language}/{name}: a file of the folder of recordings, and of nothing else. 404 for the rest."""
    settings = site(request).settings
    found = Recordings(settings.voice_recordings, settings.site_url).file(
        request.match_info["language"], request.match_info["name"]
    )
    if found is None:
        raise web.HTTPNotFound()
    headers = {"Content-Type": TYPES[found.suffix], "Cache-Control": f"public, max-age={KEEP_S}"}
    return web.FileResponse(found, headers=headers)


ROUTES = [Route("GET", "/voice/{language}/{name}", recording, PUBLIC)]
