"""Our use of Twilio's Calls against Twilio's own OpenAPI file: what may be sent, and every state that may come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.call_fate import Act, act_on
from alerts.channels.voice_twilio import UNANSWERED

SPEC = Path(__file__).resolve().parents[3] / "shared" / "twilio-oai" / "twilio_api_v2010.json"
CALL = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
pytestmark = pytest.mark.skipif(not SPEC.is_file(), reason="Twilio's OpenAPI file is not beside this repository")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SPEC.read_text(encoding="utf-8"))
    return found


def test_a_call_is_ended_with_values_that_the_api_takes(spec: dict[str, Any]) -> None:
    assert set(spec["components"]["schemas"]["call_enum_update_status"]["enum"]) == {"canceled", "completed"}
    form = spec["paths"][CALL]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert "Status" in form["properties"] and {"get", "post"} <= set(spec["paths"][CALL])


def test_every_state_of_a_call_means_something(spec: dict[str, Any]) -> None:
    states = set(spec["components"]["schemas"]["call_enum_status"]["enum"])
    assert {state: act_on(state) for state in states} == {
        "queued": Act.AGAIN,
        "ringing": Act.AGAIN,
        "in-progress": Act.HANG_UP,
        "canceled": Act.TAKEN_BACK,
        **dict.fromkeys(("completed", "busy", "failed", "no-answer"), Act.OVER),
    }
    assert set(UNANSWERED) <= states
