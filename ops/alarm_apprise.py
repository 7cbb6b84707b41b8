"""Alarms to operators by Apprise, which knows more than a hundred services (Teams, Telegram, a mailbox, ...).

The package is optional: `pip install apprise` where DAIJOBU_ALARM_APPRISE_URLS is set. It blocks, so it runs
in a thread. Its addresses hold passwords: no reason given here names one.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from ops.alarm_channel import NotTold

#: Seconds for one address; one that hangs must not keep the others from being told.
TIMEOUT_S: Final = 15.0
MISSING: Final = "the package apprise is not installed: pip install apprise"

#: Told one address; whether it took the text.
Notify = Callable[[str, str, str], bool]


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("apprise") is not None


@functools.cache
def _package() -> Any:
    # It logs addresses it cannot read, passwords included.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return importlib.import_module("apprise")


def notify(url: str, title: str, text: str) -> bool:
    """Tell one address; whether it took it. Blocks. Raises NotTold without the package."""
    if not is_installed():
        raise NotTold(MISSING)
    apprise = _package()
    service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
    return bool(service.add(url)) and bool(service.notify(title=title, body=text, body_format="text"))


async def tell_apprise(
    urls: Sequence[str], title: str, text: str, *, notify: Notify = notify, timeout_s: float = TIMEOUT_S
) -> None:
    """Tell every address at once. Raises NotTold if one failed: a broken way must not stay unseen."""
    errors = await asyncio.gather(*(_why_not(notify, url, title, text, timeout_s) for url in urls))
    reasons = sorted({error for error in errors if error})
    if reasons:
        failed = sum(bool(error) for error in errors)
        raise NotTold(f"{failed} of {len(urls)} addresses: {'; '.join(reasons)}")


async def _why_not(notify: Notify, url: str, title: str, text: str, timeout_s: float) -> str:
    try:
        async with asyncio.timeout(timeout_s):
            return "" if await asyncio.to_thread(notify, url, title, text) else "not taken, or no address of Apprise"
    except NotTold as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {timeout_s:.0f} s"
    except Exception as error:  # whatever one of a hundred services does: the other ways must still be tried
        return type(error).__name__
