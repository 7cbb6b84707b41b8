"""What is kept how long, and why: the table that the purge follows and docs/retention.md shows. Pure.

Every table of the schema is named here, either in a rule or among what is kept; a test holds that. The periods follow
the principle that personal data is deleted when its purpose has ended (Act on the Protection of Personal Information,
article 22); the numbers are our own decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """What happens to a row when its time has come."""

    DELETE = "deleted"
    BLANK = "its content is emptied"
    COUNT = "deleted; only numbers stay"
    ERASE = "everything about the person is deleted; only numbers stay"
    END = "ends"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of data. It is touched when `keep` has passed since `after`, and never while an incident is open."""

    name: str
    tables: tuple[str, ...]
    what: str
    keep: timedelta
    after: str
    action: Action
    why: str
    #: Who does it: "purge" (`main.py purge`, daily), or the part of the service that does it at once.
    by: str = "purge"

    def before(self, now: datetime) -> datetime:
        """What happened at or before this moment is over its time."""
        return now - self.keep


NOTHING: Final = timedelta(0)
DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)
MONTH: Final = timedelta(days=30)
QUARTER: Final = timedelta(days=90)
YEAR: Final = timedelta(days=365)
THREE_YEARS: Final = timedelta(days=3 * 365)

_CLOSE: Final = "the incident closed"

#: In the order in which the purge follows them: what hangs on a person goes before the person.
RULES: Final[tuple[Rule, ...]] = (
    Rule("incident_key", ("incident",), "the secret from which an incident's links are made", NOTHING, _CLOSE,
         Action.BLANK, "Without it no link of the incident can be made again. Closing destroys it; this makes sure."),
    Rule("link_end", ("link",), "check-in and leader links: they stop working", timedelta(hours=72), _CLOSE, Action.END,
         "Late answers still count for three days, but no link works for more than 14 days; then it leads nowhere."),
    Rule("upload", ("import_run",), "the file and plan of an upload that nobody confirmed", DAY, "the upload",
         Action.BLANK, "A list of people that was only tried out has no purpose the next day."),
    Rule("answer", ("check_in",), "answers with their words and places", MONTH, _CLOSE, Action.DELETE,
         "What a person told helpers in an emergency, free text and place included, is not needed after it."),
    Rule("location", ("shared_location",), "where a phone was when its owner sent it", MONTH, _CLOSE, Action.DELETE,
         "It shows where somebody was in an emergency. They can delete it at any time."),
    Rule("case", ("case_file", "case_note", "help_told"), "follow-up cases and what helpers noted", MONTH, _CLOSE,
         Action.COUNT, "Notes may speak of health and family."),
    Rule("message", ("message", "receipt"), "messages to a person and what providers said about them", MONTH,
         "the message was made", Action.COUNT, "Who was told what is needed for corrections and complaints only."),
    Rule("told", ("alert_resident",), "who was told by which alert", MONTH, _CLOSE, Action.DELETE,
         "It says to whom a correction must go; a closed incident is not corrected."),
    Rule("standing", ("incident_resident",), "how each person stood in an incident", MONTH, _CLOSE, Action.COUNT,
         "The numbers of an incident are its record; the names in it are not."),
    Rule("standing_drill", ("incident_resident",), "how each person stood in a drill", QUARTER, "the drill closed",
         Action.COUNT, "A person is asked by at most one drill in 90 days: that is counted from these rows."),
    Rule("link_row", ("link",), "what is stored of check-in and leader links (a fingerprint only)", MONTH, _CLOSE,
         Action.DELETE, "Answers point to it; both go together."),
    Rule("link_request", ("link_request",), "that somebody asked for a new link of their own page", MONTH,
         "they asked", Action.DELETE, "It only keeps a second message from leaving."),
    Rule("old_personal_link", ("link",), "personal links that were replaced", MONTH, "the replacement", Action.DELETE,
         "The link on an old printed card does not work any more."),
    Rule("family_link", ("family_link",), "links to a person's state for their family", MONTH,
         "the link ended or was taken back", Action.DELETE, "It opens nothing any more."),
    Rule("draft", ("enrolment_draft",), "what somebody typed in while enrolling and never finished", MONTH,
         "the last step", Action.DELETE, "They agreed to nothing yet."),
    Rule("absence", ("absence",), "that somebody is away", MONTH, "the last day away", Action.DELETE,
         "Where a person was in spring is nobody's business in summer."),
    Rule("elsewhere", ("resident_place",), "where somebody said they were for some hours or days", DAY,
         "the time they gave was over", Action.DELETE,
         "Where a person was yesterday is nobody's business, unless an incident has them in it."),
    Rule("line_code", ("line_code",), "that somebody took a code to connect LINE (its fingerprint)", DAY,
         "the code was made", Action.DELETE, "It works for half an hour."),
    Rule("line_event", ("line_event",), "which calls of LINE's webhook have been read (LINE's number of each)", MONTH,
         "the call", Action.DELETE, "LINE repeats a call; it counts once."),
    Rule("walk_in", ("walk_in",), "fingerprints of the network addresses behind a poster", DAY, "the visit",
         Action.DELETE, "They only slow down misuse of a poster."),
    Rule("same_person", ("same_person",), "two registrations that were joined, and what a join moved", MONTH,
         "the person decided", Action.DELETE, "Until then it can be undone. A refusal stays: nobody is asked twice."),
    Rule("membership", ("membership",), "that a person belonged to an organisation", MONTH, "the membership ended",
         Action.DELETE, "A former employer is nobody's business; a month is left for mistakes."),
    Rule("left", ("resident", "contact", "consent", "resident_place", "place", "place_area", "place_hazard",
                  "site_leader", "resident_need"),
         "a person who stopped or withdrew", MONTH, "they left", Action.ERASE,
         "They can come back for a month with their own link; then nothing about them has a purpose."),
    Rule("never_enrolled", ("resident",), "a person who was invited, never enrolled, and belongs to nobody", MONTH,
         "the invitation, and the last membership is deleted", Action.ERASE,
         "They never agreed; the organisation whose invitation it was has gone."),
    Rule("erase", ("resident",), "a person who asked to be deleted while an incident was open", NOTHING,
         "their last open incident closed", Action.ERASE, "Helpers must find them until then; they are told so."),
    Rule("dead_push", ("contact",), "push addresses that the push service called dead", MONTH, "we learnt it",
         Action.DELETE, "They never come back to life; the browser makes a new one."),
    Rule("place", ("place", "place_area", "place_hazard"), "places where nobody lives or works any more", DAY,
         "the place was made", Action.DELETE,
         "An old address is nobody's. A day is left for an upload that is still being written."),
    Rule("place_change", ("place_change",), "that a place was made, moved or deleted (its number only)", DAY,
         "the change", Action.DELETE,
         "Processes that hold the places in memory read it within seconds; who comes later loads anew."),
    Rule("session", ("session",), "sign-ins of staff", WEEK, "the sign-in ended", Action.DELETE,
         "A week is left to look into a sign-in that somebody does not recognise."),
    Rule("staff_link", ("staff_link",), "one-time links of staff (a fingerprint, the invited address)", WEEK,
         "the link was used or ran out", Action.DELETE, "It opens nothing any more."),
    Rule("signin_failure", ("signin_failure",), "failed sign-ins", DAY, "the last failure", Action.DELETE,
         "They only slow down guessing."),
    Rule("held_form", ("held_form",), "a form that waited for the second factor", NOTHING, "it ran out", Action.DELETE,
         "It may hold what was typed about a person."),
    Rule("challenge", ("passkey_challenge_used",), "used passkey challenges", NOTHING, "they ran out", Action.DELETE,
         "They only prevent a second use."),
    Rule("volunteer_pass", ("volunteer_pass",), "QR codes by which volunteers joined", MONTH, "the code ran out",
         Action.DELETE, "It lets nobody in any more."),
    Rule("staff_access", ("contact", "staff", "site_leader", "totp", "passkey", "recovery_code"),
         "password, second factor and ways to reach of staff who have left", MONTH,
         "the account was disabled", Action.BLANK, "Who has left can neither sign in nor be called."),
    Rule("staff_name", ("staff",), "name and address of staff who have left", THREE_YEARS, "the account was disabled",
         Action.BLANK, "The audit log must be able to say who read a record as long as the log is kept."),
    Rule("staff_recovery", ("staff_recovery",), "who took away whose lost second factor", THREE_YEARS, "it happened",
         Action.DELETE, "It belongs to the audit log and is kept as long."),
    Rule("approval", ("approval",), "what one person proposed and another approved", THREE_YEARS, "it ran out",
         Action.DELETE, "It belongs to the audit log and is kept as long."),
    Rule("break_glass", ("break_glass", "break_glass_person"), "disclosures in an emergency: purpose, who, whom",
         THREE_YEARS, "the disclosure ended", Action.DELETE, "It belongs to the audit log and is kept as long."),
    Rule("operator_alarm", ("alarm",), "alarms to operators, and who took care of them", YEAR, "the alarm was over",
         Action.DELETE, "What went wrong a year ago is in the summary of its incident; who mended it is not needed."),
    Rule("provider_trouble", ("provider_trouble",), "what a provider of messages said is wrong here", MONTH,
         "it said so last", Action.DELETE, "It names no receiver; what is mended needs no memory."),
    Rule("send_bucket", ("send_bucket",), "limits on SMS to one number and calls a day (a fingerprint of the number)",
         2 * DAY, "it was last used", Action.DELETE, "By then it is full again: without it the limit is the same."),
    Rule("sms_reply", ("sms_reply",), "which SMS replies have been read (the provider's number of each)", MONTH,
         "the reply", Action.DELETE, "A reply that comes twice counts once; the provider repeats within minutes."),
    Rule("alarm", ("ops_alarm",), "that a member of staff opened very many numbers", THREE_YEARS, "it happened",
         Action.DELETE, "It belongs to the audit log and is kept as long."),
    Rule("webhook", ("webhook",), "addresses of programs that an organisation removed", MONTH, "the removal",
         Action.DELETE, "Nothing is sent there any more."),
    Rule("webhook_delivery", ("webhook_delivery",), "what programs of organisations were told", MONTH,
         "it was delivered or given up", Action.DELETE, "It repeats how a person stood."),
    Rule("webhook_seen", ("webhook_seen",), "what programs were told last about people in an incident", MONTH, _CLOSE,
         Action.DELETE, "It repeats how a person stood."),
    Rule("idempotency", ("api_idempotency",), "answers kept for programs that repeat a request", DAY, "the request",
         Action.DELETE, "A program repeats a request within minutes."),
    Rule("usage", ("api_usage",), "calls of each program per minute", DAY, "that minute", Action.DELETE,
         "They only limit how often a program may ask."),
    Rule("import_plan", ("import_run",), "what an upload showed to the clerk", MONTH, "the upload", Action.BLANK,
         "So long it can be looked at again and taken back."),
    Rule("import_change", ("import_change",), "what an upload changed, with the old values", MONTH, "the upload",
         Action.DELETE, "So long it can be taken back."),
    Rule("import_record", ("import_run", "import_progress"), "that an upload happened, with its numbers", YEAR,
         "the upload", Action.DELETE, "An upload can be explained for a year."),
    Rule("staff_alert", ("staff_alert", "dorm_visit"), "links of messages to staff, and who went to which dorm", MONTH,
         _CLOSE, Action.DELETE, "It is needed only while people are looked for."),
    Rule("duty", ("duty",), "who was on duty when", YEAR, "the duty ended", Action.DELETE,
         "After a disaster it is asked who could have acted; a year later it is not."),
    Rule("deputy", ("deputy",), "who acted for whom on which days", YEAR, "the last of these days", Action.DELETE,
         "After a disaster it is asked who could have acted; a year later it is not."),
    Rule("dashboard_opened", ("dashboard_opened",), "when an organisation looked at an incident", THREE_YEARS,
         "it last looked", Action.DELETE, "It is an access record, kept as long as the audit log."),
    Rule("audit", ("audit", "audit_seal", "audit_head"), "the audit log: who read or changed whose data, no values",
         THREE_YEARS, "the day it was written on was sealed", Action.DELETE,
         "Whole sealed days, oldest first; the rest can still be checked. Of deleted people it has bare ids."),
)  # fmt: skip

#: Tables that no rule touches, and why they hold nothing about a person or are kept for good.
KEPT: Final[Mapping[str, str]] = {
    "alert": "What was decided, for which areas, when, and how many people it told.",
    "alarm_channel": "Whether each way of telling operators works; no addresses.",
    "alert_slice": "Bare ids of people whose turn comes while an alert goes out, for minutes.",
    "alert_text": "Words that many people got alike; they name places and levels, nobody.",
    "delivery_summary": "Numbers of messages by channel, language and state.",
    "area_tables": "Which editions of the area tables the places are placed with.",
    "api_token": "Fingerprints of the keys of organisations' programs, and what each may do.",
    "audit_dropped": "Up to where the audit log was deleted in time.",
    "audit_key": "Public keys.",
    "audit_report": "What an auditor signed: process and numbers, and the auditor's own name; never changed.",
    "audit_unsealed": "Numbers of audit rows that wait for their seal.",
    "consent_text": "The words that people agreed to; no names.",
    "deployment": "Facts about this installation.",
    "event": "What an official report said.",
    "feed_day": "Numbers of how each feed was heard, by day.",
    "feed_state": "When each feed was last heard.",
    "hazard_edition": "Which edition of the flood and landslide areas each prefecture has.",
    "hazard_zone": "Flood and landslide areas as published; no people.",
    "heartbeat": "When each loop last ran.",
    "incident_event": "Which official events belong to an incident.",
    "incident_summary": "Numbers of people and cases by how they ended; per organisation only whether they answered.",
    "key_rotation": "Which encryption keys were used when; no keys.",
    "lease": "Which process is at work.",
    "manual_act": "What staff sent by hand, which office said so, and who agreed: the evidence for these decisions.",
    "newcomer": "Bare ids of people who registered or moved, until the decide loop has seen them: a second or two.",
    "org_relation": "Which organisation supervises which.",
    "organisation": "Names of organisations.",
    "place_hazard_due": "Bare ids of places that wait to be compared with the hazard zones, for seconds.",
    "poster": "Posters of community groups.",
    "purge_run": "What the purge did, in numbers: the proof that this table is followed.",
    "report": "Official reports as received: the evidence for every decision, never dropped.",
    "rule_edit": "Which rule was changed by whom, and who agreed: without it no decision could be replayed.",
    "sending_stop": "When sending was stopped and resumed, by which account, and why: evidence of these decisions.",
    "sms_day": "Numbers of parts of SMS per day.",
    "send_lane": "How fast each provider may be used, and whether it works; no addresses.",
    "site_call": "Which dorm's leader was called when; who that is stands elsewhere.",
    "shelter": "Designated shelters as published; no people.",
    "shelter_edition": "Which edition of the list of shelters each municipality has.",
    "schema_migration": "Which version the database has.",
    "site": "Workplaces and dorms of organisations: kept until the organisation removes them.",
    "standing_reason": "Why people were told, once for all who share the reason: areas and levels, nobody.",
    "wording_review": "What was done to which of our texts, under pseudonyms: the evidence that people approved them.",
    "wording_reviewer": "Which account checks texts of which language, under which pseudonym.",
}  # fmt: skip

#: The purge does not run when its clock is behind the newest report by more than this: the clock is wrong.
CLOCK_BEHIND: Final = timedelta(minutes=5)
#: Nor when it is further than this after the last sign of life: a year has not passed unnoticed.
CLOCK_AHEAD: Final = YEAR


def clock_problem(now: datetime, newest_report: datetime | None, last_run: datetime | None) -> str | None:
    """Why the clock cannot be believed, as a sentence with the next step; None if it can.

    A wrong clock is the one way in which a purge deletes what it should keep. `newest_report`: when the newest report
    was received; `last_run`: when a purge last wrote something down; None: never.
    """
    if newest_report is not None and now < newest_report - CLOCK_BEHIND:
        return (
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, before the newest report ({newest_report:%Y-%m-%d %H:%M} UTC): "
            'set the clock right, or say why it is right with --force "..."'
        )
    known = max((moment for moment in (newest_report, last_run) if moment is not None), default=None)
    since = last_run if last_run is not None else known
    if since is not None and now > since + CLOCK_AHEAD:
        return (
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, more than a year after the last sign of life of this database "
            f'({since:%Y-%m-%d %H:%M} UTC): set the clock right, or say why it is right with --force "..."'
        )
    return None
