"""E-mail over SMTP (RFC 5321), by the standard library in a few threads with kept connections.

A receiver can stop these mails with one tap in their mail program (RFC 8058). There is no tracking: that a mail was
opened is nobody's business; an answer through its link proves the address. Reports of mail servers that come back later
as mail of their own (delivery status notifications, RFC 3464) are not read: what a server says at once is.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import smtplib
import ssl
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from alerts.channel import ChannelKind, Outgoing, ReceiptRead, ReplyRead, SendError, Sent, Trouble
from core.model import Severity
from core.settings import Settings

#: Seconds until a server that grey-lists takes the same mail (RFC 6647 recommends at least a minute).
GREY_LIST_S: Final = 60.0
#: A subject that mail programs show on one line or two.
MAX_SUBJECT: Final = 200
#: Enhanced status codes (RFC 3463) that say that the mailbox does not exist, and plain codes where there is none.
DEAD_STATUS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
DEAD_CODES: Final = frozenset({550, 551, 553})

_ADDRESS: Final = re.compile(r"([^\s@,;:<>()\[\]\\\"]{1,64})@([^\s@,;:<>()\[\]\\\"]{1,253})")
_STATUS: Final = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_STYLE: Final = (
    "<style>body{font:16px/1.6 sans-serif;max-width:36em;margin:1em auto;padding:0 1em}"
    "a.go{display:inline-block;padding:.6em 1em;border:2px solid;border-radius:.4em;word-break:break-all}"
    ".end{color:#555;font-size:14px}</style>"
)


class Email:
    """Sends mails. A connection is used by one thread at a time and kept for the next mail."""

    name = "email"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: Each step of the protocol: several of them must fit into the time of one message.
        self._step_s = settings.send_timeout_s / 3
        self._threads = ThreadPoolExecutor(settings.smtp_connections, thread_name_prefix="smtp")
        self._free = asyncio.Semaphore(settings.smtp_connections)
        self._kept: list[smtplib.SMTP] = []
        self._safe = None if settings.smtp_tls == "none" else ssl.create_default_context()
        self._closed = False

    async def send(self, message: Outgoing) -> Sent:
        try:
            async with asyncio.timeout(self._settings.send_timeout_s / 2):
                await self._free.acquire()
        except TimeoutError:
            raise SendError(Trouble.THROTTLED, "smtp_busy", "all connections are in use", 1.0) from None
        task = asyncio.get_running_loop().run_in_executor(self._threads, self._deliver, message)
        # Whoever stops waiting does not free the thread: its connection is in use until the server has answered.
        task.add_done_callback(self._done)
        return Sent(await asyncio.shield(task))

    def _done(self, task: asyncio.Future[str]) -> None:
        self._free.release()
        if not task.cancelled():
            task.exception()  # heard, also where nobody waits any more

    def read_receipt(self, message_id: int, fields: Mapping[str, Any]) -> ReceiptRead | None:
        return None

    def read_reply(self, fields: Mapping[str, Any]) -> ReplyRead | None:
        return None

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        while self._kept:
            self._kept.pop().close()

    # ---------------------------------------------------------------- in a thread

    def _deliver(self, message: Outgoing) -> str:
        """Hand one mail over; its Message-ID. Raises SendError."""
        local, domain = split_address(message.address)
        mail = make_mail(message, f"{local}@{domain}", self._settings)
        wide = not local.isascii()
        raw = mail.as_bytes(policy=(SMTPUTF8 if wide else SMTP).clone(cte_type="7bit"))
        client, kept = self._connection()
        try:
            try:
                self._begin(client, wide)
            except smtplib.SMTPServerDisconnected:
                if not kept:
                    raise
                # The server has ended a kept connection; nothing of this mail had left.
                client.close()
                client = self._connect()
                self._begin(client, wide)
            _expect(client.rcpt(f"{local}@{domain}"), about_receiver=True)
            _expect(client.docmd("DATA"), wanted=354)
        except SendError:
            self._keep(client)
            raise
        except (smtplib.SMTPException, OSError) as error:
            client.close()
            raise SendError(Trouble.NOT_SENT, "smtp_lost", type(error).__name__) from error
        try:
            client.send(_dotted(raw))
            answer = client.getreply()
        except (smtplib.SMTPException, OSError) as error:
            # The mail may have arrived whole: only the server knows.
            client.close()
            raise SendError(Trouble.AMBIGUOUS, "no_answer", type(error).__name__) from error
        self._keep(client)
        _expect(answer)
        return str(mail["Message-ID"])

    def _begin(self, client: smtplib.SMTP, wide: bool) -> None:
        if wide and not client.has_extn("smtputf8"):
            raise SendError(Trouble.REFUSED, "smtp_utf8", "the mail server cannot carry letters other than A to Z")
        options = ["SMTPUTF8", "BODY=8BITMIME"] if wide else []
        _expect(client.mail(self._settings.smtp_from, options), about_sender=True)

    def _connection(self) -> tuple[smtplib.SMTP, bool]:
        """A connection, and whether it is an older one."""
        try:
            return self._kept.pop(), True
        except IndexError:
            return self._connect(), False

    def _keep(self, client: smtplib.SMTP) -> None:
        """Keep the connection for the next mail, whatever became of this one."""
        try:
            if not self._closed and client.rset()[0] == 250:
                self._kept.append(client)
                return
        except (smtplib.SMTPException, OSError):
            pass
        client.close()

    def _connect(self) -> smtplib.SMTP:
        """Open, encrypt, sign in. Raises SendError."""
        known, safe = self._settings, self._safe
        client: smtplib.SMTP
        if known.smtp_tls == "tls":
            client = smtplib.SMTP_SSL(timeout=self._step_s, context=safe)
        else:
            client = smtplib.SMTP(timeout=self._step_s)
        try:
            # connect() alone leaves the name unset that the certificate is compared with.
            client._host = known.smtp_host  # type: ignore[attr-defined]
            _expect(client.connect(known.smtp_host, known.smtp_port), wanted=220, about_sender=True)
            if known.smtp_tls == "starttls":
                client.starttls(context=safe)
            client.ehlo_or_helo_if_needed()
            if known.smtp_user and known.smtp_password is not None:
                client.login(known.smtp_user, known.smtp_password.get_secret_value())
        except SendError:
            client.close()
            raise
        except smtplib.SMTPAuthenticationError as error:
            client.close()
            if error.smtp_code < 500:
                raise SendError(Trouble.THROTTLED, str(error.smtp_code), "signing in", GREY_LIST_S) from error
            raise _deployment("smtp_sign_in", "the mail server refuses DAIJOBU_SMTP_USER and its password") from error
        except ssl.SSLCertVerificationError as error:
            client.close()
            raise _deployment("smtp_certificate", "its certificate does not fit DAIJOBU_SMTP_HOST") from error
        except ssl.SSLEOFError as error:
            client.close()
            raise SendError(Trouble.NOT_SENT, "smtp_no_connection", type(error).__name__) from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLError) as error:
            client.close()
            raise _deployment("smtp_tls", "the mail server does not offer what DAIJOBU_SMTP_TLS asks for") from error
        except (smtplib.SMTPException, OSError) as error:
            client.close()
            raise SendError(Trouble.NOT_SENT, "smtp_no_connection", type(error).__name__) from error
        return client


def split_address(address: str) -> tuple[str, str]:
    """(local part, domain in ASCII) of one address. Raises SendError (DEAD_ADDRESS) for anything but one address.

    >>> split_address("mai@はな.example.jp")
    ('mai', 'xn--q9jj.example.jp')
    """
    found = _ADDRESS.fullmatch(unicodedata.normalize("NFC", address))
    try:
        if found is None or not found[1].isprintable():
            raise UnicodeError
        return found[1], found[2].encode("idna").decode()
    except UnicodeError:
        raise SendError(Trouble.DEAD_ADDRESS, "smtp_address", "this is no mail address") from None


def make_mail(message: Outgoing, receiver: str, settings: Settings) -> EmailMessage:
    """The mail: what a notification says, as plain text and as plain HTML, with the link and the way out."""
    title = _one_line(message.title) or _one_line(message.body.partition("\n")[0])
    mail = EmailMessage()
    mail["From"] = Address(_one_line(settings.sender_name), addr_spec=settings.smtp_from)
    mail["To"] = receiver
    mail["Subject"] = title[:MAX_SUBJECT]
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = message_id(message, settings)
    mail["Content-Language"] = "ja" if message.language == "ja-simple" else message.language
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    if message.severity.rank >= Severity.SEVERE.rank:
        mail["Importance"] = "high"
    label, way_out = message.way_out
    if way_out:
        mail["List-Unsubscribe"] = f"<{way_out}>"
        if way_out.startswith("https://"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines = [line for line in message.body.splitlines() if line.strip() != message.url]
    end = f"\n\n-- \n{label}\n{way_out}\n" if way_out else "\n"
    mail.set_content("\n".join(lines).strip() + (f"\n\n{message.url}" if message.url else "") + end)
    mail.add_alternative(_html(message, title, [line for line in lines if line.strip()]), subtype="html")
    return mail


def _html(message: Outgoing, title: str, lines: list[str]) -> str:
    body = "".join(f'<p dir="auto">{escape(line)}</p>\n' for line in lines)
    link, (label, way_out) = escape(message.url), message.way_out
    go = f'<p><a class="go" dir="ltr" href="{link}">{link}</a></p>\n' if link else ""
    end = f'<p class="end"><a href="{escape(way_out)}">{escape(label)}</a></p>\n' if way_out else ""
    return (
        f'<!doctype html>\n<html lang="{escape(message.language)}" dir="{escape(message.direction)}">'
        f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"{_STYLE}</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}{go}{end}</body></html>\n"
    )


def message_id(message: Outgoing, settings: Settings) -> str:
    """Equal for every try of one message, so that mail programs show a mail that came twice once."""
    host = urlsplit(settings.site_url).hostname or "localhost"
    if not message.message_id:
        return make_msgid(domain=host)
    whose = hashlib.sha256(f"{message.incident_id} {message.address}".encode()).hexdigest()[:16]
    return f"<{message.message_id}.{whose}@{host}>"


def _one_line(text: str) -> str:
    """A text that cannot end a header: blanks in the place of line ends and other controls."""
    return " ".join("".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text).split())


def _dotted(raw: bytes) -> bytes:
    """The mail as DATA carries it (RFC 5321, section 4.5.2)."""
    lines = raw.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"


def _expect(
    answer: tuple[int, bytes], wanted: int = 250, *, about_receiver: bool = False, about_sender: bool = False
) -> None:
    """Raises the SendError that an answer of the server stands for. The server's words may quote the address: they are
    left out."""
    code, said = answer
    if code == wanted or (wanted == 250 and code in (251, 252)):
        return
    found = _STATUS.match(said.decode("ascii", "replace"))
    status = found[1] if found else ""
    name = f"{code} {status}".strip()
    if code < 500:
        raise SendError(Trouble.THROTTLED, name, retry_after_s=GREY_LIST_S)
    if about_receiver and (status in DEAD_STATUS if status else code in DEAD_CODES):
        raise SendError(Trouble.DEAD_ADDRESS, name)
    if about_sender:
        raise _deployment(name, "the mail server does not take mail from DAIJOBU_SMTP_FROM")
    if about_receiver:
        raise SendError(Trouble.REFUSED, name)
    raise SendError(
        Trouble.REFUSED,
        name,
        alarm="warning",
        remedy="The mail server refuses the text or its sender: look into its log, and at SPF, DKIM and DMARC of the "
        "domain in DAIJOBU_SMTP_FROM.",
    )


def _deployment(code: str, what: str) -> SendError:
    return SendError(Trouble.REFUSED, code, what, alarm="critical", remedy=f"Mend the DAIJOBU_SMTP_ settings: {what}.")


CHANNEL = ChannelKind(name="email", contact="email", configured=lambda settings: settings.email_configured, make=Email)
