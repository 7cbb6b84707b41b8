-- Never deaf in silence: how each feed was heard day by day, and alarms to whoever runs this installation.

-- What the last polls of a stream said about it. Its first failure in a row, and how far our clock is from its
-- server's (seconds, ours minus theirs; null: it does not say).
ALTER TABLE feed_state ADD COLUMN failing_since timestamptz,
    ADD COLUMN clock_off_s double precision;

-- One stream on one UTC day. A gap is a silence longer than a few polls; it counts on the day on which it ended.
CREATE TABLE feed_day (
    feed           text NOT NULL,
    day            date NOT NULL,
    polls          int NOT NULL DEFAULT 0,
    unchanged      int NOT NULL DEFAULT 0,
    failures       int NOT NULL DEFAULT 0,
    bytes          bigint NOT NULL DEFAULT 0,
    reports        int NOT NULL DEFAULT 0,
    unreadable     int NOT NULL DEFAULT 0,
    gaps           int NOT NULL DEFAULT 0,
    longest_gap_s  double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (feed, day)
);

-- Something an operator must look at. Open until `cleared_at`; `key` says about what, so that it is opened once.
-- `detail` holds the fields of its sentence, never anything about a person.
CREATE TABLE alarm (
    id               uuid PRIMARY KEY,
    key              text NOT NULL,
    kind             text NOT NULL,
    level            text NOT NULL CHECK (level IN ('info', 'warning', 'critical')),
    subject          text NOT NULL,
    detail           jsonb NOT NULL DEFAULT '{}',
    opened_at        timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    told_at          timestamptz,
    told_count       int NOT NULL DEFAULT 0,
    told_level       text CHECK (told_level IN ('info', 'warning', 'critical')),
    acknowledged_by  uuid REFERENCES staff,
    acknowledged_at  timestamptz,
    cleared_at       timestamptz,
    clear_told_at    timestamptz,
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CREATE UNIQUE INDEX alarm_open ON alarm (key) WHERE cleared_at IS NULL;
CREATE INDEX alarm_cleared ON alarm (cleared_at) WHERE cleared_at IS NOT NULL;

-- The ways by which operators are told, and whether the last try worked.
CREATE TABLE alarm_channel (
    name       text PRIMARY KEY,
    ok_at      timestamptz,
    failed_at  timestamptz,
    failures   int NOT NULL DEFAULT 0,
    error      text NOT NULL DEFAULT ''
);

-- What alarms are made of is asked for every few seconds.
CREATE INDEX report_unreadable ON report (received_at) WHERE state = 'unreadable';
CREATE INDEX alert_held ON alert (created_at) WHERE state = 'held';
CREATE INDEX event_for_operators ON event (decided_at) WHERE outcome ^@ 'operator:' OR outcome ^@ 'error:';
CREATE INDEX event_quakes ON event (received_at) WHERE hazard = 'earthquake';

ALTER TABLE alarm ENABLE ROW LEVEL SECURITY;
ALTER TABLE alarm FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON alarm TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
CREATE POLICY operators ON alarm TO daijobu_operator USING (true) WITH CHECK (true);

GRANT SELECT ON feed_day TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_purge;
GRANT SELECT, UPDATE ON alarm TO daijobu_operator;
GRANT SELECT, DELETE ON alarm TO daijobu_purge;
GRANT SELECT ON alarm_channel TO daijobu_operator;

-- Access: alarm: worker all; operator select, update; purge select, delete.
-- Access: feed_day: worker all; everybody else select. alarm_channel: worker all; operator select.

-- Operators see whether a contact has been proven, not where it leads.
GRANT SELECT (confirmed_at) ON contact TO daijobu_operator;
