"""A published file: from the disk, or over HTTPS (HTTP only from this very machine), with a limit on its size."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from core.settings import Settings

MAX_REDIRECTS: Final = 4
TIMEOUT: Final = aiohttp.ClientTimeout(total=900, sock_connect=20, sock_read=60)
_CHUNK: Final = 1 << 16


class FetchError(ValueError):
    """A file cannot be had. The message names it and why."""


def is_url(source: str) -> bool:
    """Whether a source is an address and not a file."""
    return "://" in source


async def read_source(
    source: str, settings: Settings, *, max_bytes: int, progress: Callable[[int], object] = lambda size: None
) -> bytes:
    """The bytes of a file or address, at most `max_bytes`. Raises FetchError."""
    if is_url(source):
        body = bytearray()
        await _download(source, settings, max_bytes, progress, body.extend)
        return bytes(body)
    path = Path(source)
    try:
        if path.stat().st_size > max_bytes:
            raise FetchError(f"{path}: more than {max_bytes >> 20} MB")
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror}") from error


async def local_copy(
    source: str,
    folder: Path,
    settings: Settings,
    *,
    max_bytes: int,
    progress: Callable[[int], object] = lambda size: None,
) -> Path:
    """The path of a file that is too large for memory: itself, or its copy in `folder`. Raises FetchError."""
    if not is_url(source):
        path = Path(source)
        if not path.is_file():
            raise FetchError(f"{path}: there is no such file")
        return path
    path = folder / (re.sub(r"[^\w.-]", "_", urlsplit(source).path.rpartition("/")[2])[-80:] or "file")
    while path.exists():  # two addresses may end alike
        path = path.with_name(f"_{path.name}")
    with path.open("wb") as file:
        await _download(source, settings, max_bytes, progress, file.write)
    return path


def check_url(url: str) -> None:
    """Raises FetchError for an address that is neither HTTPS nor on this machine, or that carries a password."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        allowed = bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    except ValueError:
        raise FetchError(f"{url[:200]!r} is not an address") from None
    if not allowed:
        raise FetchError(f"{url[:200]}: only https:// addresses, or http:// on this machine")
    if parts.username is not None or parts.password is not None:
        raise FetchError(f"the address at {host} carries a user name or password: fetch the file yourself")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _download(
    url: str,
    settings: Settings,
    max_bytes: int,
    progress: Callable[[int], object],
    keep: Callable[[bytes], object],
) -> None:
    headers = {"User-Agent": f"Daijobu (contact: {settings.contact})", "Accept-Encoding": "identity"}
    here = url
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True, headers=headers) as session:
            for _ in range(MAX_REDIRECTS + 1):
                check_url(here)
                async with session.get(here, allow_redirects=False) as answer:
                    if answer.status in (301, 302, 303, 307, 308) and answer.headers.get("Location"):
                        here = urljoin(here, answer.headers["Location"])
                        continue
                    if answer.status != 200:
                        raise FetchError(f"{here}: HTTP {answer.status}")
                    await _body(answer, here, max_bytes, progress, keep)
                    return
    except TimeoutError:
        raise FetchError(f"{here}: no complete answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise FetchError(f"{here}: {(str(error) or type(error).__name__).splitlines()[0]}") from None
    raise FetchError(f"{url}: more than {MAX_REDIRECTS} redirects")


async def _body(
    answer: aiohttp.ClientResponse,
    url: str,
    max_bytes: int,
    progress: Callable[[int], object],
    keep: Callable[[bytes], object],
) -> None:
    size = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise FetchError(f"{url}: more than {max_bytes >> 20} MB")
        keep(chunk)
        progress(size)
