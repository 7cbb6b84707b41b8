"""What an SMS may cost and where it may go: allowed countries, one number in an hour, yen in a month.

Each limit stops what is not urgent. None of them stops a live alert to a number in an allowed country: that goes on,
and operators hear of it. What was sent to a number all processes count together (alerts/buckets.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from alerts.buckets import Bucket, Buckets
from alerts.channel import Outgoing, SendError, Trouble
from alerts.trouble_store import Fault
from core.later import Later
from core.model import Purpose
from core.settings import Settings

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = Later("phonenumbers")

HOUR_S: Final = 3600.0
#: Codes of what we refuse ourselves.
COUNTRY: Final = "country_not_allowed"
PER_HOUR: Final = "too_many_an_hour"
MONTH: Final = "month_cap"


def country_of(e164: str) -> str:
    """The country of a number, as ISO 3166-1 letters; "" for what is no country's.

    >>> country_of("+819012345678")
    'JP'
    """
    if e164.startswith("+81"):  # Japan alone has it, and nearly all have it
        return "JP"
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164)) or ""
    except phonenumbers.NumberParseException:
        return ""


def is_urgent(message: Outgoing) -> bool:
    """Whether no limit may stop it: a live alert, or an alarm to an operator."""
    return message.purpose is Purpose.LIVE and (message.message_id != 0 or message.severity.asks)


@dataclass(slots=True)
class SmsGuard:
    """Looks at every SMS before it leaves. `over_budget`: whether this month's yen are spent (sms_budget.py says)."""

    countries: frozenset[str]
    per_hour: int
    over_budget: bool = False
    #: What operators must hear of, until somebody writes it down.
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def of(cls, settings: Settings) -> SmsGuard:
        """As the settings say."""
        return cls(frozenset(settings.sms_countries.split(",")), settings.sms_per_number_hour)

    async def admit(self, message: Outgoing, buckets: Buckets) -> None:
        """Count a message that is about to leave.

        Raises SendError: DEAD_ADDRESS for a country that is not allowed (so that staff see whose number it is),
        REFUSED for what is not urgent beyond a limit.
        """
        country = country_of(message.address)
        if country not in self.countries:
            name = country or "an unknown country"
            raise SendError(
                Trouble.DEAD_ADDRESS,
                COUNTRY,
                f"numbers of {name} get no SMS",
                alarm="warning",
                remedy=f"Add it to DAIJOBU_SMS_COUNTRIES, or ask its owner for a Japanese number ({name})",
            )
        urgent = is_urgent(message)
        if self.over_budget and not urgent:
            raise SendError(Trouble.REFUSED, MONTH, "the yen for SMS of this month are spent")
        if not await buckets.take(Bucket("sms", message.address, self.per_hour, HOUR_S)):
            remedy = "See who sends so much to one number; the limit is DAIJOBU_SMS_PER_NUMBER_HOUR"
            what = f"more than {self.per_hour} SMS to one number in an hour"
            if not urgent:
                raise SendError(Trouble.REFUSED, PER_HOUR, what, alarm="warning", remedy=remedy)
            self.faults.append(Fault("sms", PER_HOUR, "warning", f"{what}, live alerts among them. {remedy}"))
