"""E-mail against a mail server that speaks the real protocol."""

from __future__ import annotations

import email
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import default

import pytest

from alerts.channel import Outgoing, SendError, Trouble
from alerts.channels.email import Email, message_id, split_address
from core.model import Severity
from core.settings import Settings, SettingsError, load_settings
from tests.outgoing import outgoing
from tests.smtp_server import SmtpServer, smtp_server

WAY_OUT = "https://daijobu.example/u/1/abc"


def settings(port: int, **more: str) -> Settings:
    return load_settings(
        {
            "DAIJOBU_SMTP_HOST": "127.0.0.1",
            "DAIJOBU_SMTP_PORT": str(port),
            "DAIJOBU_SMTP_TLS": "none",
            "DAIJOBU_SMTP_FROM": "alerts@daijobu.example",
            "DAIJOBU_PUBLIC_URL": "https://daijobu.example",
            "DAIJOBU_SMTP_CONNECTIONS": "2",
        }
        | more
    )


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    async with smtp_server() as made:
        yield made


@pytest.fixture
async def mails(server: SmtpServer) -> AsyncIterator[Email]:
    channel = Email(settings(server.port))
    yield channel
    await channel.close()


def mail(address: str = "mai@mail.example", **more: object) -> Outgoing:
    return outgoing(address, **({"way_out": ("Không nhận nữa", WAY_OUT)} | more))


def parsed(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage) and not found.defects
    return found


async def test_a_mail_says_what_the_notification_says(server: SmtpServer, mails: Email) -> None:
    sent = await mails.send(mail())
    (taken,) = server.taken
    assert (taken.sender, taken.receiver) == ("alerts@daijobu.example", "mai@mail.example")
    assert max(len(line) for line in taken.raw.split(b"\r\n")) <= 998 and taken.raw.isascii()
    found = parsed(taken.raw)
    assert found["Subject"] == "ĐỘNG ĐẤT: Mashiki"
    assert found["From"] == "Daijobu <alerts@daijobu.example>" and found["To"] == "mai@mail.example"
    assert found["List-Unsubscribe"] == f"<{WAY_OUT}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["Auto-Submitted"] == "auto-generated" and found["Importance"] == "high"
    assert found["Message-ID"] == sent.provider_id
    plain, html = (found.get_body([kind]) for kind in ("plain", "html"))
    assert plain is not None and html is not None
    words = plain.get_content().replace("\r\n", "\n")
    assert words.startswith("Daijobu: ĐỘNG ĐẤT.\n\nhttps://daijobu.example/c/abc\n") and WAY_OUT in words
    page = html.get_content()
    assert '<html lang="vi" dir="ltr">' in page and page.count('href="https://daijobu.example/c/abc"') == 1
    assert "<img" not in page and "http://" not in page, "nothing may tell that a mail was opened"


async def test_right_to_left_and_markup_in_a_name(server: SmtpServer, mails: Email) -> None:
    await mails.send(mail(language="ur", direction="rtl", body="<b>زلزلہ</b>\n.نقطہ", url=""))
    html = parsed(server.taken[0].raw).get_body(["html"])
    assert html is not None
    assert '<html lang="ur" dir="rtl">' in html.get_content() and "&lt;b&gt;زلزلہ" in html.get_content()


async def test_a_title_cannot_become_a_header(server: SmtpServer, mails: Email) -> None:
    await mails.send(mail(title="Quake\r\nBcc: all@mail.example\r\n\r\nhello\x00", body="one\n.\n..two\n"))
    found = parsed(server.taken[0].raw)
    assert found["Bcc"] is None and found["Subject"] == "Quake Bcc: all@mail.example hello"
    plain = found.get_body(["plain"])
    assert plain is not None and plain.get_content().replace("\r\n", "\n").startswith("one\n.\n..two\n")


async def test_without_a_title_the_first_line_is_the_subject(server: SmtpServer, mails: Email) -> None:
    await mails.send(mail(title="", body="Your 6 people\nhttps://daijobu.example/c/abc"))
    assert parsed(server.taken[0].raw)["Subject"] == "Your 6 people"


@pytest.mark.parametrize(
    "address",
    ["", "mai", "mai@", "a@b.example, c@d.example", "mai@mail.example\r\nRCPT TO:<x@y.example>",
     "<a@b.example>", "a b@c.example"],
)  # fmt: skip
async def test_what_is_not_one_address_is_dead(server: SmtpServer, mails: Email, address: str) -> None:
    with pytest.raises(SendError) as caught:
        await mails.send(mail(address))
    assert caught.value.kind is Trouble.DEAD_ADDRESS and not server.taken


async def test_addresses_of_other_scripts(server: SmtpServer, mails: Email) -> None:
    assert split_address("mai@はな.example") == ("mai", "xn--q9jj.example")
    await mails.send(mail("はな@mail.example"))
    assert server.taken[0].receiver == "はな@mail.example"
    server.extensions = ("SIZE 1000000",)
    server.end_connections()
    with pytest.raises(SendError) as caught:
        await mails.send(mail("はな@mail.example"))
    assert (caught.value.kind, caught.value.code) == (Trouble.REFUSED, "smtp_utf8")


@pytest.mark.parametrize(
    ("where", "answer", "kind", "alarm"),
    [
        ("RCPT", "550 5.1.1 <mai@mail.example> unknown", Trouble.DEAD_ADDRESS, ""),
        ("RCPT", "550 no such user here", Trouble.DEAD_ADDRESS, ""),
        ("RCPT", "550 5.7.1 blocked by policy", Trouble.REFUSED, ""),
        ("RCPT", "552 5.2.2 mailbox full", Trouble.REFUSED, ""),
        ("RCPT", "450 4.7.1 greylisted", Trouble.THROTTLED, ""),
        ("MAIL", "421 4.3.2 too many", Trouble.THROTTLED, ""),
        ("MAIL", "550 5.7.1 sender not allowed", Trouble.REFUSED, "critical"),
        ("END", "554 5.7.1 this looks like spam", Trouble.REFUSED, "warning"),
        ("END", "451 4.3.0 later", Trouble.THROTTLED, ""),
        ("HELLO", "554 5.7.1 go away", Trouble.REFUSED, "critical"),
    ],
)
async def test_what_the_server_says(
    server: SmtpServer, mails: Email, where: str, answer: str, kind: Trouble, alarm: str
) -> None:
    server.answers[where] = answer
    with pytest.raises(SendError) as caught:
        await mails.send(mail())
    assert (caught.value.kind, caught.value.alarm) == (kind, alarm)
    assert "mai@" not in str(caught.value), "an address must not stand in a log"
    assert caught.value.retry_after_s == (60 if kind is Trouble.THROTTLED else None)
    server.answers.clear()
    await mails.send(mail())
    assert len(server.taken) == 1, "the next mail goes"


@pytest.mark.parametrize(
    ("drop_at", "kind"), [("MAIL", Trouble.NOT_SENT), ("DATA", Trouble.NOT_SENT), ("END", Trouble.AMBIGUOUS)]
)
async def test_a_lost_connection(server: SmtpServer, mails: Email, drop_at: str, kind: Trouble) -> None:
    server.drop_at = drop_at
    with pytest.raises(SendError) as caught:
        await mails.send(mail())
    assert caught.value.kind is kind


async def test_no_server(server: SmtpServer) -> None:
    away = Email(settings(9))
    with pytest.raises(SendError) as caught:
        await away.send(mail())
    assert caught.value.kind is Trouble.NOT_SENT
    await away.close()


async def test_connections_are_kept_and_renewed(server: SmtpServer, mails: Email) -> None:
    for _ in range(3):
        await mails.send(mail())
    assert (server.connections, len(server.taken)) == (1, 3)
    server.end_connections()
    await mails.send(mail())
    assert (server.connections, len(server.taken)) == (2, 4)


async def test_signing_in(server: SmtpServer) -> None:
    server.account = "daijobu:right"
    for password, error in (("right", None), ("wrong", "critical")):
        account = {"DAIJOBU_SMTP_USER": "daijobu", "DAIJOBU_SMTP_PASSWORD": password}
        channel = Email(settings(server.port, **account))
        if error is None:
            await channel.send(mail())
        else:
            with pytest.raises(SendError) as caught:
                await channel.send(mail())
            assert (caught.value.kind, caught.value.alarm) == (Trouble.REFUSED, error)
        await channel.close()
    assert len(server.taken) == 1


async def test_a_server_without_encryption_gets_nothing(server: SmtpServer) -> None:
    channel = Email(settings(server.port, DAIJOBU_SMTP_TLS="starttls"))
    with pytest.raises(SendError) as caught:
        await channel.send(mail())
    assert (caught.value.code, caught.value.alarm) == ("smtp_tls", "critical") and not server.taken
    await channel.close()


def test_a_retry_is_the_same_mail() -> None:
    known = settings(25)
    first, again = message_id(mail(), known), message_id(mail(attempt=2), known)
    assert first == again and first.endswith("@daijobu.example>") and "mai" not in first
    assert first != message_id(mail(message_id=42), known) != message_id(mail("nam@mail.example"), known)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DAIJOBU_SMTP_HOST": "mail.example"}, "belong together"),
        ({"DAIJOBU_SMTP_HOST": "mail.example", "DAIJOBU_SMTP_FROM": "a@b, c@d"}, "one mail address"),
        ({"DAIJOBU_SMTP_HOST": "mail.example", "DAIJOBU_SMTP_FROM": "a@b.example", "DAIJOBU_SMTP_TLS": "none"}, "this"),
    ],
)
def test_settings(env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(env)


async def test_information_is_not_important(server: SmtpServer, mails: Email) -> None:
    await mails.send(mail(severity=Severity.MODERATE, way_out=("Stop", "http://127.0.0.1:8080/u/1/abc")))
    found = parsed(server.taken[0].raw)
    assert found["Importance"] is None
    assert found["List-Unsubscribe-Post"] is None, "one click is defined for https alone (RFC 8058)"


async def test_a_server_that_speaks_no_tls_is_a_fault_of_the_settings(server: SmtpServer) -> None:
    channel = Email(settings(server.port, DAIJOBU_SMTP_TLS="tls"))
    with pytest.raises(SendError) as caught:
        await channel.send(mail())
    assert (caught.value.code, caught.value.alarm) == ("smtp_tls", "critical") and not server.taken
    await channel.close()
