"""The client of our pushes against servers that answer in every way that HTTP allows, and in some that it does not."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from alerts.push_http import Client, Interrupted, NotConnected
from alerts.push_http_answer import MAX_BODY, MAX_HEAD, read_response

ASK = b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 201 Created\r\nLocation: /m/1\r\nContent-Length: 0\r\n\r\n"

# ---------------------------------------------------------------- reading an answer (pure)

COMPLETE = {
    "length": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc", 404, b"abc", True),
    "no reason": (b"HTTP/1.1 201\r\ncontent-length:0\r\n\r\n", 201, b"", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "interim": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, 201, b"", True),
    "close": (b"HTTP/1.1 201 C\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 201, b"", False),
    "older": (b"HTTP/1.0 201 C\r\nContent-Length: 0\r\n\r\n", 201, b"", False),
    "chunks": (
        b"HTTP/1.1 400 B\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
        400,
        b"abc0123456789",
        True,
    ),
}


@pytest.mark.parametrize(("data", "status", "body", "keep"), COMPLETE.values(), ids=COMPLETE)
def test_complete_at_its_last_byte_and_not_before(data: bytes, status: int, body: bytes, keep: bool) -> None:
    for end in range(len(data)):
        assert read_response(data[:end], ended=False) is None
    found = read_response(data + b"more", ended=False)
    assert found is not None
    response, length, kept = found
    assert (response.status, response.body, length, kept) == (status, body, len(data), keep)


def test_without_a_length_the_end_of_the_connection_ends_it() -> None:
    data = b"HTTP/1.1 500 E\r\nX: 1\r\n\r\nsome"
    assert read_response(data, ended=False) is None
    found = read_response(data, ended=True)
    assert found is not None and found[0].body == b"some" and not found[2]


WRONG = {
    "another protocol": b"SSH-2.0-x\r\n\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1 99 x\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n",
    "head too long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD,
    "folded": b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n",
    "no colon": b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
    "blank in the name": b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
    "negative": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "too much": b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
    "endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),
    "gzip": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "chunk without length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "chunk of a gigabyte": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n",
    "chunk longer than it says": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    "chunk length too long": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * (MAX_HEAD + 1),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_response(data, ended=False)


@given(st.binary(max_size=200), st.booleans(), st.sampled_from([b"", b"HTTP/1.1 201 C\r\n", OK[:40]]))
def test_any_bytes_are_an_answer_or_none_or_an_error(data: bytes, ended: bool, begin: bytes) -> None:
    try:
        found = read_response(begin + data, ended=ended)
    except ValueError:
        return
    assert found is None or 200 <= found[0].status < 600


# ---------------------------------------------------------------- on a connection

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handle: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that does what `handle` does with each connection; its port."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(run, "127.0.0.1", 0, ssl=tls)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


def client(timeout_s: float = 2.0, per_origin: int = 8, tls: ssl.SSLContext | None = None) -> Client:
    return Client(ThreadedResolver(), per_origin=per_origin, timeout_s=timeout_s, tls=tls)


async def read_ask(reader: asyncio.StreamReader) -> None:
    assert await reader.readexactly(len(ASK)) == ASK


def answers(*texts: bytes) -> tuple[Handler, list[int]]:
    """One answer per request and connection; how many requests each connection brought."""
    counts: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        counts.append(0)
        place = len(counts) - 1
        for text in texts:
            await read_ask(reader)
            counts[place] += 1
            for at in range(0, len(text), 7):
                writer.write(text[at : at + 7])
                await writer.drain()
                await asyncio.sleep(0)
        await reader.read()

    return handle, counts


async def test_a_connection_is_used_again() -> None:
    handle, counts = answers(*[one[0] for one in COMPLETE.values() if one[3]])
    asked = client()
    async with server(handle) as port:
        statuses = [(await asked.post(f"http://127.0.0.1:{port}", ASK)).status for _ in range(5)]
        assert statuses == [one[1] for one in COMPLETE.values() if one[3]] and counts == [5]
        await asked.close()


@pytest.mark.parametrize("text", [COMPLETE["close"][0], COMPLETE["older"][0], OK + b"HTTP/1.1 201 C\r\n\r\n"])
async def test_a_connection_that_says_more_or_goodbye_is_not(text: bytes) -> None:
    handle, counts = answers(text, text)
    asked = client()
    async with server(handle) as port:
        for _ in range(3):
            assert (await asked.post(f"http://127.0.0.1:{port}", ASK)).status == 201
        assert counts == [1, 1, 1]
        await asked.close()


async def test_no_more_connections_than_allowed() -> None:
    handle, counts = answers(*[OK] * 50)
    asked = client(per_origin=3)
    async with server(handle) as port:
        await asyncio.gather(*[asked.post(f"http://127.0.0.1:{port}", ASK) for _ in range(30)])
        assert len(counts) <= 3 and sum(counts) == 30
        await asked.close()


async def test_an_answer_goes_to_whoever_asked() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            number = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            await asyncio.sleep(0.001 * (len(number) % 3))
            writer.write(b"HTTP/1.1 201 C\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % number)

    asked = client()
    async with server(handle) as port:
        told = await asyncio.gather(
            *[asked.post(f"http://127.0.0.1:{port}", b"POST /%d HTTP/1.1\r\n\r\n" % n) for n in range(200)]
        )
        assert [one.header(b"location") for one in told] == [f"/{n}" for n in range(200)]
        await asked.close()


async def test_a_kept_connection_that_was_closed_is_replaced_once() -> None:
    closed = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal closed
        await read_ask(reader)
        writer.write(OK)
        await reader.readexactly(1)  # the next request has come
        closed += 1

    asked = client()
    async with server(handle) as port:
        for _ in range(3):
            assert (await asked.post(f"http://127.0.0.1:{port}", ASK)).status == 201
        assert closed == 2
        await asked.close()


@pytest.mark.parametrize("text", [b"", OK[:30], b"nonsense\r\n\r\n"])
async def test_a_new_connection_that_ends_early_leaves_it_open_what_happened(text: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_ask(reader)
        writer.write(text)

    asked = client()
    async with server(handle) as port:
        with pytest.raises(Interrupted):
            await asked.post(f"http://127.0.0.1:{port}", ASK)
        await asked.close()


async def test_whoever_stops_waiting_spoils_nobody_elses_answer() -> None:
    asks = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asks
        await read_ask(reader)
        asks += 1
        if asks == 1:
            await asyncio.sleep(0.3)
            writer.write(OK.replace(b"/m/1", b"/old"))
            return
        writer.write(OK)
        await reader.read()

    asked = client(timeout_s=0.1)
    async with server(handle) as port:
        with pytest.raises(TimeoutError):
            await asked.post(f"http://127.0.0.1:{port}", ASK)
        await asyncio.sleep(0.4)
        assert (await asked.post(f"http://127.0.0.1:{port}", ASK)).header(b"location") == "/m/1"
        await asked.close()


async def test_nobody_is_there() -> None:
    asked = client()
    with pytest.raises(NotConnected):
        await asked.post("http://127.0.0.1:9", ASK)
    with pytest.raises(NotConnected):
        await asked.warm("http://127.0.0.1:9", 3)
    with pytest.raises(NotConnected):
        await asked.post("http://name.invalid:9", ASK)
    await asked.close()


async def test_a_warm_connection_that_nobody_kept_open_does_no_harm() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections <= 2:
            await reader.readexactly(1)
            return
        await read_ask(reader)
        writer.write(OK)
        await reader.read()

    asked = client()
    async with server(handle) as port:
        assert await asked.warm(f"http://127.0.0.1:{port}", 1) == 1
        assert await asked.warm(f"http://127.0.0.1:{port}", 2) == 1
        while connections < 2:
            await asyncio.sleep(0.01)
        assert (await asked.post(f"http://127.0.0.1:{port}", ASK)).status == 201
        await asked.close()


class Addresses(AbstractResolver):
    """A name with several addresses; counts the questions."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in self.addresses
        ]

    async def close(self) -> None:
        return None


async def test_an_address_that_does_not_answer_is_passed_over() -> None:
    names = Addresses("127.0.0.2", "::1", "127.0.0.1")
    asked = Client(names, per_origin=4, timeout_s=2.0)
    handle, counts = answers(OK, OK)
    async with server(handle) as port:
        for _ in range(2):
            assert (await asked.post(f"http://push.example:{port}", ASK)).status == 201
        assert counts == [2]
        assert names.asked == 1, "what was found out is kept for a while"
        await asked.close()
    nowhere = Client(Addresses(), per_origin=4, timeout_s=2.0)
    with pytest.raises(NotConnected, match="no address"):
        await nowhere.post("http://push.example", ASK)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "tls.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    return context


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    handle, counts = answers(OK)
    tls = certificate(tmp_path, "localhost")
    trusting, asked = client(tls=ssl.create_default_context(cafile=str(tmp_path / "tls.pem"))), client()
    async with server(handle, tls) as port:
        with pytest.raises(NotConnected, match="SSLCertVerificationError"):
            await asked.post(f"https://localhost:{port}", ASK)
        assert counts in ([], [0])
        assert (await trusting.post(f"https://localhost:{port}", ASK)).status == 201
        with pytest.raises(NotConnected, match="SSLCertVerificationError"):  # the right certificate, another name
            await trusting.post(f"https://127.0.0.1:{port}", ASK)
        await trusting.close()
        await asked.close()
