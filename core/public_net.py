"""Addresses that came from outside are dialled on the public internet only, whatever a name resolves to just then."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def may_connect(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether a connection to this IP address may be made: public unicast only, IPv4 inside IPv6 looked at as well.

    Asked for each address that a name resolves to, at the moment of connecting: what a name resolves to can change.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return may_connect(str(inner))
    if allow_loopback and ip.is_loopback:
        return True
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses each address that is not on the public internet. What it gives is what is dialled."""

    def __init__(self, *, allow_loopback: bool = False) -> None:
        self._allow_loopback = allow_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError if one of them may not be connected to."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=socket.AF_UNSPEC)
        if not found or not all(may_connect(str(at[0]), allow_loopback=self._allow_loopback) for *_, at in found):
            raise OSError("the name does not lead to the public internet")
        return [
            ResolveResult(
                hostname=host, host=str(at[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _, proto, _, at in found
        ]

    async def close(self) -> None:
        """Nothing is kept open."""
