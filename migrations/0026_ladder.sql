-- How hard we may knock at each provider, which of them is down, and the steps of the ladder that are not one person's.

-- One row per lane that is limited or in trouble: "sms", "voice", "push:fcm.googleapis.com" (each push service is a
-- provider of its own). A lane without a row is free. Tokens are taken by all workers here, a second's worth at a time;
-- times are the database's, because workers on several machines share them.
CREATE TABLE send_lane (
    lane          text PRIMARY KEY,
    channel       text NOT NULL,
    -- Messages a second now, and as the settings allow; NULL: as many as we can.
    rate          double precision CHECK (rate > 0),
    ceiling       double precision CHECK (ceiling > 0),
    burst         double precision NOT NULL DEFAULT 1 CHECK (burst >= 1),
    tokens        double precision NOT NULL DEFAULT 0,
    refilled_at   timestamptz NOT NULL DEFAULT now(),
    -- When the provider last asked us to slow down, how often, and until when nothing goes.
    throttled_at  timestamptz,
    throttles     bigint NOT NULL DEFAULT 0,
    paused_until  timestamptz,
    -- The circuit breaker: open means nothing goes but one message now and then that tries.
    state         text NOT NULL DEFAULT 'closed' CHECK (state IN ('closed', 'open')),
    opened_at     timestamptz,
    probe_at      timestamptz,
    reason        text NOT NULL DEFAULT '',
    changed_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (state = 'closed' OR (opened_at IS NOT NULL AND probe_at IS NOT NULL))
);
ALTER TABLE send_lane ENABLE ROW LEVEL SECURITY;
ALTER TABLE send_lane FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON send_lane TO daijobu_worker USING (true) WITH CHECK (true);
CREATE POLICY shown ON send_lane FOR SELECT TO daijobu_operator, daijobu_web, daijobu_follow USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON send_lane TO daijobu_worker;
GRANT SELECT ON send_lane TO daijobu_operator, daijobu_web, daijobu_follow;

-- covered: stands back while its provider is down, needless once the person's next way has taken the message.
-- digest: waits for the morning, where what waits for one person goes as one message.
-- silent: a last step; needless once the person answers, and never brought forward because an earlier way has failed.
ALTER TABLE message DROP CONSTRAINT message_unless_check,
    ADD CONSTRAINT message_unless_check CHECK (unless IN ('never', 'answered', 'received', 'covered', 'silent',
                                                                     'digest')),
    -- The person has answered: what the provider still holds of it should be taken back, as far as it can.
    ADD COLUMN cancel_wanted timestamptz;
CREATE INDEX message_cancel_wanted ON message (cancel_wanted) WHERE cancel_wanted IS NOT NULL;
CREATE INDEX message_digest ON message (due_at) WHERE unless = 'digest' AND state = 'pending';
CREATE INDEX message_undelivered ON message (done_at) WHERE state IN ('failed', 'expired');
-- An operator puts undelivered messages back into the outbox.
GRANT UPDATE (state, done_at, error_code, error, due_at, attempts, unless) ON message TO daijobu_operator;

-- A dorm's third person: whoever is called at night. Like leader and deputy somebody we know, a resident or staff.
ALTER TABLE site_leader DROP CONSTRAINT site_leader_rank_check,
    ADD CONSTRAINT site_leader_rank_check CHECK (rank IN (1, 2, 3));

-- Whom of a dorm the ladder has called, and when: once per incident, site and step.
CREATE TABLE site_call (
    incident_id  uuid NOT NULL REFERENCES incident,
    site_id      uuid NOT NULL REFERENCES site ON DELETE CASCADE,
    step         text NOT NULL,
    called_at    timestamptz NOT NULL,
    -- Whether somebody could be called at all.
    reached      boolean NOT NULL,
    PRIMARY KEY (incident_id, site_id, step)
);
CREATE INDEX site_call_site ON site_call (site_id);
ALTER TABLE site_call ENABLE ROW LEVEL SECURITY;
ALTER TABLE site_call FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON site_call TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON site_call TO daijobu_worker;
GRANT SELECT, DELETE ON site_call TO daijobu_purge;

-- Who opened a leader's page, without reading the whole log.
CREATE INDEX audit_leader_read ON audit (incident_id, at) WHERE action = 'leader.read';

-- Access: send_lane: worker all; operator, web and follow select.
-- Access: site_call: worker all; purge select/delete.
-- Access: message: operator update of the state and of when it is due.
