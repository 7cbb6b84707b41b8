"""A mail server on loopback that speaks SMTP (RFC 5321) and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TakenMail:
    """One mail as it came over the wire, dots undone."""

    sender: str
    receiver: str
    raw: bytes


@dataclass(slots=True)
class SmtpServer:
    """What it was sent, and how it answers: `answers` by verb or by receiver, e.g. {"RCPT": "450 4.7.1 later"}."""

    port: int = 0
    taken: list[TakenMail] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    #: "" or where it breaks the connection without a word: "MAIL", "DATA" or "END" (after the last dot).
    drop_at: str = ""
    extensions: tuple[str, ...] = ("SIZE 1000000", "8BITMIME", "SMTPUTF8", "AUTH PLAIN")
    #: user:password; "" takes mail from anybody.
    account: str = ""
    connections: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def end_connections(self) -> None:
        """Close what is open, as a server does with connections that are idle."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        await say(self.answers.get("HELLO", "220 mail.example ready"))
        sender = receiver = ""
        signed_in = not self.account
        while line := await reader.readline():
            words = line.decode().rstrip("\r\n")
            verb = words[:4].upper()
            if verb == self.drop_at:
                return
            if verb in self.answers:
                await say(self.answers[verb])
            elif verb == "EHLO":
                lines = ["mail.example", *self.extensions]
                await say("\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{one}" for n, one in enumerate(lines)))
            elif verb == "AUTH":
                given = base64.b64decode(words.split()[2]).decode().split("\0")
                signed_in = f"{given[1]}:{given[2]}" == self.account
                await say("235 2.7.0 welcome" if signed_in else "535 5.7.8 no")
            elif verb == "MAIL":
                sender = words[words.index("<") + 1 : words.index(">")]
                await say("250 2.1.0 ok" if signed_in else "530 5.7.0 sign in first")
            elif verb == "RCPT":
                receiver = words[words.index("<") + 1 : words.index(">")]
                await say(self.answers.get(receiver, "250 2.1.5 ok"))
            elif verb == "DATA":
                await say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                if self.drop_at == "END":
                    return
                body = raw[: -len(b".\r\n")]
                undotted = b"\r\n".join(one[1:] if one.startswith(b".") else one for one in body.split(b"\r\n"))
                if not (end := self.answers.get("END", "")):
                    self.taken.append(TakenMail(sender, receiver, undotted))
                await say(end or "250 2.0.0 taken")
            elif verb in ("RSET", "NOOP", "HELO"):
                await say("250 2.0.0 ok")
            elif verb == "QUIT":
                await say("221 2.0.0 bye")
                return
            else:
                await say("502 5.5.1 what?")


@asynccontextmanager
async def smtp_server() -> AsyncIterator[SmtpServer]:
    """A mail server for one test."""
    known = SmtpServer()
    server = await asyncio.start_server(known.serve, "127.0.0.1", 0, limit=2**20)
    known.port = server.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        server.close()
        known.end_connections()
        await server.wait_closed()
