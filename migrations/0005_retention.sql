-- What is kept how long (ops/retention.py, docs/retention.md): the columns and tables with which the purge deletes what is
-- about a person and keeps what the record needs, which is numbers. What a purge did is written down, batch by batch.

-- Set when a person asked to be deleted while an incident of theirs is open: helpers must still find them. The purge
-- deletes them once nothing is open (DESIGN §4, promise 7).
ALTER TABLE resident ADD COLUMN erase_requested_at timestamptz;
-- The person's own newest sign: an answer, or something they agreed to or took back. Written daily, because the answers
-- themselves are deleted after some weeks. A message that arrived says that the phone works, not that its owner is there.
ALTER TABLE resident ADD COLUMN last_sign_at timestamptz;
CREATE INDEX resident_going ON resident (id) WHERE left_at IS NOT NULL OR erase_requested_at IS NOT NULL;

-- Since when the purge has known that an address is dead: contact.state alone does not say when.
ALTER TABLE contact ADD COLUMN dead_since timestamptz;

-- Incidents that nothing about people is needed for any more: the one gate of the purge. Closed, and nobody still sought.
CREATE VIEW incident_over WITH (security_invoker = true) AS
SELECT i.id, i.purpose, i.closed_at FROM incident i
WHERE i.closed_at IS NOT NULL AND NOT EXISTS (SELECT FROM case_file c WHERE c.incident_id = i.id AND c.closed_at IS NULL);

-- Who must still be found: part of an open incident, sought by an open case, or answering for a dorm in an open incident.
CREATE VIEW resident_busy WITH (security_invoker = true) AS
SELECT r.resident_id, i.title, i.opened_at FROM incident_resident r JOIN incident i ON i.id = r.incident_id
WHERE i.closed_at IS NULL
UNION ALL
SELECT c.resident_id, i.title, i.opened_at FROM case_file c JOIN incident i ON i.id = c.incident_id
WHERE c.closed_at IS NULL
UNION ALL
SELECT l.resident_id, i.title, i.opened_at FROM link l JOIN incident i ON i.id = l.incident_id
WHERE l.kind = 'leader' AND l.resident_id IS NOT NULL AND i.closed_at IS NULL;

-- How many people there are, how many of them cannot be reached now, how many have given no sign for long: numbers for the
-- operator, who sees nobody. The rule itself is registry/reach.py, a test compares the two. Runs with its owner's rights. Who is told by
-- a leader or on paper (resident.reach_by, a later migration) can be reached.
CREATE FUNCTION reach_totals(stale timestamptz, silent timestamptz)
RETURNS TABLE (people bigint, unreachable bigint, no_sign bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT count(*),
           count(*) FILTER (WHERE r.reach_by = '' AND NOT EXISTS (
               SELECT FROM contact k WHERE k.resident_id = r.id AND k.kind = 'address' AND k.state IN ('unproven', 'proven')
               AND coalesce(k.proven_at, k.created_at) > stale)),
           count(*) FILTER (WHERE greatest(r.last_sign_at, r.enrolled_at, r.created_at) <= silent)
    FROM resident r WHERE r.state IN ('invited', 'enrolled');
END
$$;

-- Deleting a link asks whether an answer points to it.
CREATE INDEX check_in_link ON check_in (link_id) WHERE link_id IS NOT NULL;

-- How messages went, when the messages themselves are gone: numbers only.
CREATE TABLE delivery_summary (
    alert_id   uuid NOT NULL REFERENCES alert,
    channel    text NOT NULL,
    language   text NOT NULL,
    state      text NOT NULL,
    messages   int NOT NULL CHECK (messages > 0),
    PRIMARY KEY (alert_id, channel, language, state)
);

-- How people stood, when their rows are gone: numbers only. org_id NULL: everybody, by the answer itself. Of one
-- organisation only answered, silent and told: a private call for help must not be guessed from a small number.
CREATE TABLE incident_summary (
    incident_id  uuid NOT NULL REFERENCES incident,
    org_id       uuid REFERENCES organisation,
    what         text NOT NULL CHECK (what IN ('people', 'cases')),
    value        text NOT NULL,
    number       int NOT NULL CHECK (number > 0),
    UNIQUE NULLS NOT DISTINCT (incident_id, org_id, what, value)
);

-- One row per batch that was committed, in the transaction of the batch, and one with rule 'end' when a run came to its
-- end: true also of a run that was killed half-way.
CREATE TABLE purge_run (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    uuid NOT NULL,
    at        timestamptz NOT NULL,
    rule      text NOT NULL,
    touched   int NOT NULL,
    -- Why the clock check was overridden, in the operator's words; '' otherwise.
    why       text NOT NULL DEFAULT ''
);
CREATE INDEX purge_run_at ON purge_run (at);
CREATE TRIGGER purge_run_append_only BEFORE UPDATE OR DELETE ON purge_run
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ---------------------------------------------------------------- who may

-- The purge deletes what stands in ops/retention.py; deleting a person runs as the purge also from the person's own page.
GRANT SELECT, DELETE ON message, receipt, alert_resident, incident_resident, check_in, case_file, case_note, link, membership,
    resident, place, place_area, resident_place, contact, consent, site_leader, session, staff_link, signin_failure, import_run,
    dashboard_opened TO daijobu_purge;
GRANT SELECT ON site, staff TO daijobu_purge;
GRANT UPDATE (key_enc) ON incident TO daijobu_purge;
GRANT UPDATE (expires_at) ON link TO daijobu_purge;
GRANT UPDATE (by_resident, link_id) ON check_in TO daijobu_purge;
GRANT UPDATE (state, state_reason, proven_at, dead_since) ON contact TO daijobu_purge;
GRANT UPDATE (last_sign_at, erase_requested_at) ON resident TO daijobu_purge;
GRANT UPDATE (name, email, password_hash, volunteer_pass_id) ON staff TO daijobu_purge;
GRANT UPDATE ON import_run TO daijobu_purge;
GRANT SELECT ON incident_over, resident_busy TO daijobu_purge;
GRANT SELECT, INSERT, UPDATE ON delivery_summary, incident_summary TO daijobu_purge;
GRANT SELECT, INSERT ON purge_run TO daijobu_purge;
GRANT SELECT ON purge_run TO daijobu_web, daijobu_follow, daijobu_operator;

GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION reach_totals(timestamptz, timestamptz) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION reach_totals(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reach_totals(timestamptz, timestamptz) TO daijobu_operator;

-- Access: delivery_summary, incident_summary: operator and auditor select (numbers); web select rows with org_id in own orgs;
--         worker select; purge as granted above. purge_run: no person in it.
-- Access: resident.erase_requested_at: person select own; resident.last_sign_at: web select own; contact.dead_since: nobody else.
-- Access: reach_totals runs as daijobu_worker; incident_over and resident_busy have the rights of who asks.
-- Access: tables of later migrations that the purge empties need SELECT, DELETE for daijobu_purge: totp, passkey,
--         passkey_challenge_used, recovery_code, held_form, staff_recovery, approval, volunteer_pass, ops_alarm, break_glass,
--         break_glass_person, family_link, enrolment_draft, absence, walk_in, same_person, webhook, webhook_delivery,
--         webhook_seen, api_idempotency, api_usage, import_change; audit, audit_seal, audit_head (select, delete), audit_dropped (insert).
