-- What is kept how long (ops/retention.py, docs/retention.md): the columns and tables with which the purge deletes what is
-- about a person and keeps what the record needs, which is numbers. What a purge did is written down, batch by batch.

-- Set when a person asked to be deleted while an incident of theirs is open: helpers must still find them. The purge
-- deletes them once nothing is open (DESIGN §4, promise 7).
ALTER TABLE resident ADD COLUMN erase_requested_at timestamptz;
-- The person's own newest sign: an answer, a consent, a visit to their own page. Written daily, because the answers
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
-- operator, who sees nobody. The rule itself is registry/reach.py, a test compares the two. Runs with its owner's rights.
CREATE FUNCTION reach_totals(stale timestamptz, silent timestamptz)
RETURNS TABLE (people bigint, unreachable bigint, no_sign bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*),
           count(*) FILTER (WHERE NOT EXISTS (
               SELECT FROM contact k WHERE k.resident_id = r.id AND k.kind = 'address' AND k.state IN ('unproven', 'proven')
               AND coalesce(k.proven_at, k.created_at) > stale)),
           count(*) FILTER (WHERE greatest(r.last_sign_at, r.enrolled_at, r.created_at) <= silent)
    FROM resident r WHERE r.state IN ('invited', 'enrolled')
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

-- Access: delivery_summary: web select where the alert's incident is visible; operator select all; worker select;
--         purge and person (own erasure, through registry/erase_store.py) insert, select, update.
-- Access: incident_summary: web select org_id in own orgs; operator, auditor and follow select all; purge and person
--         (own erasure) insert, select, update.
-- Access: incident_over, resident_busy: purge select (views with the rights of who asks: incident, case_file,
--         incident_resident, link).
-- Access: reach_totals: SECURITY DEFINER, its owner must pass the policies of resident and contact; execute for operator,
--         worker, and every role that may open /status.
-- Access: purge_run: every staff role and worker select (no person in it); purge insert, select. Nobody updates or deletes (trigger).
-- Access: resident.erase_requested_at: web select own; person update own; purge select. resident.last_sign_at: web select
--         own, operator select for counting, purge update. contact.dead_since: purge update.
-- Access: erase_resident (registry/erase_store.py) runs under person, web or purge and deletes the person's rows of:
--         receipt, message, alert_resident, case_note, case_file, check_in, incident_resident, site_leader, link, place,
--         resident (cascades: membership, resident_place, contact, consent); it also reads incident, alert_text.
