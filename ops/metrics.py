"""What GET /metrics says, in the text format of Prometheus: numbers of feeds, loops, queues, alarms; nobody's data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from alerts.lane_store import LaneRow
from core.later import Later
from ops.alarms import Alarm, Facts, Level

if TYPE_CHECKING:
    import prometheus_client
    from prometheus_client import core as prometheus
else:
    prometheus_client, prometheus = Later("prometheus_client"), Later("prometheus_client.core")

_STATES: Final = {"ok": 0, "late": 1, "stale": 2}
#: Numbers of a stream's day: name of the metric -> (key, what it is).
_DAY: Final = {
    "polls": "Requests to this stream today (UTC).",
    "unchanged": "Answers today without anything new.",
    "failures": "Requests today that failed.",
    "reports": "Reports kept today.",
    "unreadable": "Reports today that could not be read.",
    "gaps": "Silences today that were longer than a few polls.",
    "longest_gap_s": "Longest of these silences, in seconds.",
}


class _Numbers:
    """A collector of one scrape: families of numbers that are already known."""

    def __init__(self, families: Sequence[prometheus.GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[prometheus.Metric]:
        yield from self._families


def text(
    facts: Facts,
    feeds: Iterable[Mapping[str, Any]],
    alarms: Iterable[Alarm],
    messages: Mapping[str, int],
    overdue_s: float,
    byte_budget: int,
    lanes: Sequence[LaneRow] = (),
    undelivered: Mapping[tuple[str, str], int] | None = None,
) -> bytes:
    """The whole answer. `messages`: waiting messages by state; `overdue_s`: how late the oldest due one is.

    `undelivered`: messages of open incidents that did not arrive, by channel and the code of the reason.
    """
    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    families = [*_feeds(list(feeds), byte_budget), *_service(facts, alarms, messages, overdue_s), *_lanes(lanes)]
    registry.register(_Numbers([*families, _undelivered(undelivered or {})]))
    made: bytes = prometheus_client.generate_latest(registry)
    return made


def _gauge(name: str, what: str, label: str = "", **values: float) -> prometheus.GaugeMetricFamily:
    return _gauges(name, what, label, values.items())


def _gauges(
    name: str, what: str, label: str, values: Iterable[tuple[str, float | None]]
) -> prometheus.GaugeMetricFamily:
    """One family: a number per value of the label; what is not known is left out."""
    family = prometheus.GaugeMetricFamily(f"daijobu_{name}", what, labels=[label] if label else [])
    for labelled, value in values:
        if value is not None:
            family.add_metric([labelled] if label else [], float(value))
    return family


def _feeds(feeds: list[Mapping[str, Any]], byte_budget: int) -> Iterator[prometheus.GaugeMetricFamily]:
    def each(key: str) -> list[tuple[str, Any]]:
        return [(str(feed["feed"]), feed.get(key)) for feed in feeds]

    def times(key: str) -> list[tuple[str, float | None]]:
        return [(name, at.timestamp() if isinstance(at, datetime) else None) for name, at in each(key)]

    states = [(name, _STATES.get(str(state))) for name, state in each("state")]
    yield _gauges("feed_state", "0: heard well, 1: late, 2: stale.", "feed", states)
    yield _gauges("feed_last_heard_timestamp_seconds", "Last readable answer.", "feed", times("last_heard_at"))
    yield _gauges("feed_newest_report_timestamp_seconds", "Newest report listed.", "feed", times("newest_report_at"))
    yield _gauges("feed_clock_off_seconds", "Our clock minus the feed server's.", "feed", each("clock_off_s"))
    yield _gauges("feed_bytes_today", "Bytes loaded today (UTC).", "feed", each("bytes"))
    yield _gauge("feed_bytes_budget", "Bytes that may be loaded a day from one source.", total=byte_budget)
    for key, what in _DAY.items():
        name = "longest_gap_seconds" if key == "longest_gap_s" else key
        values = [(str(feed["feed"]), feed.get("today", {}).get(key)) for feed in feeds]
        yield _gauges(f"feed_{name}_today", what, "feed", values)


def _service(
    facts: Facts, alarms: Iterable[Alarm], messages: Mapping[str, int], overdue_s: float
) -> Iterator[prometheus.GaugeMetricFamily]:
    ages = [(name, ago.total_seconds()) for name, (_, ago) in facts.loops.items()]
    yield _gauges("loop_silent_seconds", "Since the loop last showed a sign of life.", "loop", ages)
    yield _gauges("outbox_messages", "Messages that wait or are on their way.", "state", messages.items())
    yield _gauge("outbox_overdue_seconds", "How late the oldest due message is.", total=overdue_s)
    waiting = 0.0 if facts.undecided_since is None else max(0.0, (facts.now - facts.undecided_since).total_seconds())
    yield _gauge("undecided_seconds", "How long the oldest report has waited for a decision.", total=waiting)
    yield _gauge("alerts_held", "Alerts that wait for two people.", total=len(facts.held))
    unreadable = [(news.about, float(news.number)) for news in facts.unreadable]
    yield _gauges("reports_unreadable_24h", "Reports of 24 hours that could not be read.", "type", unreadable)
    counts = dict.fromkeys(Level, 0)
    for alarm in alarms:
        counts[alarm.level] += 1
    yield _gauges("alarms_open", "Open alarms.", "level", [(level.value, n) for level, n in counts.items()])
    failing = [(name, 1.0) for name in facts.channels]
    yield _gauges("alarm_channel_failing", "Ways to operators that do not work.", "channel", failing)


def _lanes(lanes: Sequence[LaneRow]) -> Iterator[prometheus.GaugeMetricFamily]:
    down = [(lane.lane, float(lane.is_open)) for lane in lanes]
    yield _gauges("lane_down", "1: this provider is down, its messages wait or go another way.", "lane", down)
    rates = [(lane.lane, lane.rate) for lane in lanes]
    yield _gauges("lane_rate", "Messages a second that this provider gets; absent: no limit.", "lane", rates)
    slowed = [(lane.lane, float(lane.throttles)) for lane in lanes]
    yield _gauges("lane_slowed", "How often this provider asked us to slow down.", "lane", slowed)


def _undelivered(undelivered: Mapping[tuple[str, str], int]) -> prometheus.GaugeMetricFamily:
    family = prometheus.GaugeMetricFamily(
        "daijobu_messages_undelivered", "Messages of open incidents that did not arrive.", labels=["channel", "code"]
    )
    for (channel, code), number in undelivered.items():
        family.add_metric([channel, code], number)
    return family
