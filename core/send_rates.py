"""How DAIJOBU_SEND_RATES is written: how many messages a second each provider may get."""

from __future__ import annotations


def send_rates_of(text: str) -> dict[str, tuple[float, float]]:
    """Lane -> (messages a second, burst). Raises ValueError naming the part that is wrong.

    >>> send_rates_of("sms=10, push:fcm.googleapis.com=500/2000")
    {'sms': (10.0, 10.0), 'push:fcm.googleapis.com': (500.0, 2000.0)}
    """
    found: dict[str, tuple[float, float]] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        lane, _, numbers = part.partition("=")
        rate, _, burst = numbers.partition("/")
        try:
            pair = float(rate), float(burst or max(1.0, float(rate)))
        except ValueError:
            raise ValueError(f"{part[:80]!r} is not lane=messages a second/burst, e.g. sms=10/20") from None
        if not lane.strip() or not (0 < pair[0] <= 1e6 and 1 <= pair[1] <= 1e7):
            raise ValueError(f"{part[:80]!r}: the rate must be above 0 and the burst 1 or more, e.g. sms=10/20")
        found[lane.strip()] = pair
    return found
