"""The second net under the logs: personal data and secrets are hidden, what an operator needs stays."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from core.crypto import CryptoError
from ops.logs import JsonFormatter, TextFormatter
from ops.scrub import HIDDEN, scrub, telling, traceback_text

PRIVATE = [
    "+819012345678", "+81 90-1234-5678", "09012345678", "090-1234-5678", "０９０１２３４５６７８", "096 (381) 4567",
    "thu.nguyen@aozora.example.jp", "「an@b.example」", "3f5yEkQd9WzR", "0dQw4w9WgXcQ0dQw4w9WgXcQ0dQw4w9WgXcQ0dQw4w9",
    "ab" * 32,
]  # fmt: skip
SENTENCES = [
    "said {}",
    "to={}.",
    "Key (address)=({})",
    "{}",
    "http://127.0.0.1:8080/c/{}",
    "https://d.example/p/{}?x=1",
]


@pytest.mark.parametrize("private", PRIVATE)
def test_it_is_hidden_wherever_it_stands(private: str) -> None:
    bare = private.strip("「」")
    for sentence in SENTENCES:
        if bare == "3f5yEkQd9WzR" and "/" not in sentence:
            continue  # a short token is known by the link around it
        assert bare not in scrub(sentence.format(private)), sentence


@pytest.mark.parametrize(
    "line",
    [
        "feed jma.eqvol: https://www.data.jma.go.jp/developer/xml/data/20160416012822_0_VXSE53_270000.xml: 404",
        "event 17 (VXSE53): Act",
        "incident 01934a7e-0192-7123-8123-0123456789ab is closed; its links end",
        "the lease tend was lost",
        "PostgreSQL 18.1 on 10.0.3.7:5432 said at 2026-11-22T06:43:23.120+09:00",
        "quake:20160414212600 at 32.7, 130.8, depth 11 km, 5- 6+ 7",
        "12 of 300 acknowledgements came too late: receipt or lease was first",
        "Twilio error 21211: an operator must look (https://www.twilio.com/docs/api/errors/21211)",
        "key 00ff00ff00ff00ff, 3 data key(s)",
    ],
)
def test_what_an_operator_needs_stays(line: str) -> None:
    assert scrub(line) == line


def _raise(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


@pytest.mark.parametrize(
    "error",
    [
        KeyError("グエン・ティ・トゥ"),
        ValueError("invalid literal for int() with base 10: 'グエン・ティ・トゥ'"),
        RuntimeError("duplicate key\nDETAIL:  Key (name)=(グエン・ティ・トゥ) already exists."),
        RuntimeError("invalid input for query argument $1: グエン・ティ・トゥ (expected a date)"),
        ExceptionGroup("several", [ValueError("'グエン・ティ・トゥ'")]),
    ],
)
def test_of_a_foreign_exception_nothing_it_quotes_is_kept(error: Exception) -> None:
    text = traceback_text(_raise(error))
    assert "グエン" not in text and "グエン" not in telling(error) and type(error).__name__ in text


def test_causes_are_told_and_our_own_sentences_are_whole() -> None:
    try:
        try:
            raise KeyError("Thu")
        except KeyError as error:
            raise CryptoError("check_in.note_enc of row 'x' does not belong to this row") from error
    except CryptoError as error:
        text = traceback_text(error)
    assert "direct cause" in text and "of row 'x' does not belong" in text
    assert f"KeyError: {HIDDEN}" in text


@pytest.fixture(params=[TextFormatter, JsonFormatter])
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    yield logger, stream


def test_a_log_line_is_scrubbed_with_its_arguments_and_traceback(
    logged: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = logged
    try:
        raise ValueError("not a number: '+819012345678'")
    except ValueError:
        logger.exception("message %d to %s failed", 7, "+819012345678")
    written = stream.getvalue()
    text = json.loads(written)["message"] if written.startswith("{") else written
    assert f"message 7 to {HIDDEN} failed" in text
    assert "ValueError" in written and "test_scrub.py" in written
    # The source line of the test itself stands in the traceback; it is scrubbed like everything else.
    assert "819012345678" not in written
