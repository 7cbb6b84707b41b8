"""The encoder against the RFC's example, against http_ece and pywebpush, and against itself."""

from __future__ import annotations

import json
import os

import http_ece
import pytest
import pywebpush
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from alerts.push_address import Subscription
from alerts.push_encrypt import (
    MAX_PLAINTEXT,
    PAD_TO,
    RECORD_SIZE,
    Envelope,
    EnvelopeUsed,
    decode,
    encrypt,
    works,
)
from alerts.push_envelopes import EnvelopePool
from tests.push_server import Browser

#: RFC 8291, section 5.
TEXT = b"When I grow up, I want to be a watermelon"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
THEIRS = {
    "private": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "public": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
OURS = {"private": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "salt": "DGv6ra1nlYgDCS1FRnbzlw"}


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decode(text), "big"), ec.SECP256R1())


def browser(endpoint: str = "https://push.example/1") -> Browser:
    return Browser(endpoint, ec.generate_private_key(ec.SECP256R1()), os.urandom(16))


def keys_of(one: Browser) -> tuple[bytes, bytes]:
    keys = json.loads(one.to_json())["keys"]
    return decode(keys["p256dh"]), decode(keys["auth"])


def subscription_of(one: Browser) -> Subscription:
    keys = json.loads(one.to_json())["keys"]
    return Subscription(one.endpoint, keys["p256dh"], keys["auth"])


def read(one: Browser, body: bytes) -> bytes:
    plain: bytes = http_ece.decrypt(body, private_key=one.private_key, auth_secret=one.auth, version="aes128gcm")
    return plain


# ---------------------------------------------------------------- the encoder


def test_the_example_of_the_rfc() -> None:
    envelope = Envelope(
        decode(THEIRS["public"]),
        decode(THEIRS["auth"]),
        private_key=private_key(OURS["private"]),
        salt=decode(OURS["salt"]),
    )
    assert envelope.seal(TEXT, pad_to=1) == decode(BODY)
    assert works()


def test_the_browser_of_the_example_reads_it() -> None:
    body = encrypt(TEXT, decode(THEIRS["public"]), decode(THEIRS["auth"]))
    key = private_key(THEIRS["private"])
    assert http_ece.decrypt(body, private_key=key, auth_secret=decode(THEIRS["auth"]), version="aes128gcm") == TEXT


@pytest.mark.parametrize("damaged", ["salt", "auth", "private_key", "body", "p256dh"])
def test_a_machine_that_computes_otherwise_is_noticed(damaged: str) -> None:
    good = {
        "text": "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24",
        "private_key": OURS["private"],
        "p256dh": THEIRS["public"],
        "auth": THEIRS["auth"],
        "salt": OURS["salt"],
        "body": BODY,
    }
    assert works(good)
    assert not works(good | {damaged: "AAAA" + good[damaged][4:]})


@given(st.binary(max_size=MAX_PLAINTEXT))
def test_http_ece_reads_what_we_write(text: bytes) -> None:
    one = browser()
    body = encrypt(text, *keys_of(one))
    assert read(one, body) == text
    filled = len(body) - 86 - 17
    assert len(body) <= RECORD_SIZE and filled >= len(text)
    assert filled % PAD_TO == 0 or filled == MAX_PLAINTEXT


@given(st.integers(1, MAX_PLAINTEXT))
def test_without_padding_as_long_as_pywebpush(length: int) -> None:
    one = browser()
    ours = Envelope(*keys_of(one)).seal(bytes(length), pad_to=1)
    assert len(ours) == len(pywebpush.WebPusher(json.loads(one.to_json())).encode(bytes(length))["body"])


def test_one_more_byte_than_push_services_carry_is_refused() -> None:
    one = browser()
    assert len(encrypt(b"x" * MAX_PLAINTEXT, *keys_of(one))) == RECORD_SIZE
    with pytest.raises(ValueError, match="3993"):
        encrypt(b"x" * (MAX_PLAINTEXT + 1), *keys_of(one))


def test_no_two_messages_share_a_key_or_a_salt() -> None:
    keys = keys_of(browser())
    heads = [encrypt(b"", *keys)[:86] for _ in range(50)]
    assert len({head[:16] for head in heads}) == len({head[21:] for head in heads}) == 50


@pytest.mark.parametrize("point", [b"", b"\x04" + bytes(64), b"\x05" + bytes(64), b"\x04" + b"\xff" * 64, bytes(65)])
def test_a_point_that_is_not_on_the_curve(point: bytes) -> None:
    with pytest.raises(ValueError):
        encrypt(b"x", point, bytes(16))


def test_another_secret_cannot_read_it() -> None:
    one = browser()
    body = encrypt(b"x", *keys_of(one))
    with pytest.raises(http_ece.ECEException):
        http_ece.decrypt(body, private_key=one.private_key, auth_secret=bytes(16), version="aes128gcm")


@pytest.mark.parametrize("text", ["a", "A===B", "a b", "é"])
def test_what_is_not_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


# ---------------------------------------------------------------- envelopes


def test_an_envelope_is_used_once() -> None:
    one = browser()
    envelope = Envelope(*keys_of(one))
    assert read(one, envelope.seal(b"first")) == b"first"
    with pytest.raises(EnvelopeUsed):
        envelope.seal(b"second")


def test_a_text_that_is_too_long_does_not_cost_the_envelope() -> None:
    one = browser()
    envelope = Envelope(*keys_of(one))
    with pytest.raises(ValueError):
        envelope.seal(b"x" * 4000)
    assert read(one, envelope.seal(b"shorter")) == b"shorter"


def test_the_pool_gives_each_envelope_once_and_only_to_its_browser() -> None:
    one, other = browser(), browser()
    pool = EnvelopePool(10)
    assert pool.make([subscription_of(one)]) == 1
    assert pool.make([subscription_of(one)]) == 0
    assert pool.take(subscription_of(other)) is None
    envelope = pool.take(subscription_of(one))
    assert envelope is not None and read(one, envelope.seal(b"x")) == b"x"
    assert pool.take(subscription_of(one)) is None


def test_the_pool_is_bounded_and_passes_over_bad_keys() -> None:
    pool = EnvelopePool(2)
    bad = [Subscription("https://push.example/b", "AAAA", "AAAA"), Subscription("https://push.example/b", "é", "*")]
    assert pool.make([*bad, *(subscription_of(browser()) for _ in range(3))]) == 2
    assert pool.full and len(pool) == 2


def test_the_pool_forgets_browsers_that_are_gone() -> None:
    stays, goes = subscription_of(browser()), subscription_of(browser())
    pool = EnvelopePool(10)
    pool.begin()
    pool.make([stays, goes])
    pool.end()
    pool.begin()
    pool.make([stays])
    pool.end()
    assert pool.take(goes) is None and pool.take(stays) is not None
