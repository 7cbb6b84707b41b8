-- What people decide: incidents opened by hand, alerts that were held, rules that were changed. Each by two people.
--
-- The second wall of "by two": the roles behind the pages may not write a report, an event or a rule. Two functions do it
-- for them, and only for an approval that a second person gave and that the same transaction has just taken.

ALTER TABLE approval DROP CONSTRAINT approval_kind_check,
    ADD CONSTRAINT approval_kind_check CHECK (kind IN ('rule_edit', 'manual_send', 'break_glass', 'held_release'));

-- Which wording of its rule a decision went by: rule_edit.version, or the fingerprint of the file. NULL: no rule was used.
ALTER TABLE event ADD COLUMN rule_version text;

-- Append-only. One row per act of a manual incident; its thread of events is 'manual:' || incident.
CREATE TABLE manual_act (
    approval_id   uuid PRIMARY KEY,  -- outlives the approval, which is deleted after three years
    incident      uuid NOT NULL,
    number        int NOT NULL CHECK (number > 0),
    act           text NOT NULL CHECK (act IN ('open', 'update', 'lift', 'cancel')),
    hazard        text NOT NULL,
    severity      text NOT NULL CHECK (severity IN ('minor', 'moderate', 'severe', 'extreme')),
    picks         text[] NOT NULL,
    source_kind   text NOT NULL,
    source_words  text NOT NULL CHECK (source_words <> ''),
    said_at       timestamptz NOT NULL,
    at            timestamptz NOT NULL,
    made_by       uuid NOT NULL REFERENCES staff,
    approved_by   uuid NOT NULL REFERENCES staff,
    event_id      bigint NOT NULL REFERENCES event,
    UNIQUE (incident, number),
    CHECK (made_by <> approved_by),
    CHECK ((number = 1) = (act = 'open'))
);

-- Append-only. The newest row of a hazard is its rule; toml NULL: the file's own wording is in force again.
CREATE TABLE rule_edit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    approval_id  uuid NOT NULL UNIQUE,
    hazard       text NOT NULL,
    toml         text,
    made_by      uuid NOT NULL REFERENCES staff,
    approved_by  uuid NOT NULL REFERENCES staff,
    at           timestamptz NOT NULL,
    CHECK (made_by <> approved_by)
);
CREATE INDEX rule_edit_hazard ON rule_edit (hazard, id DESC);

-- The approval of a kind that has just been taken. Nothing else opens the functions below.
CREATE FUNCTION agreed_by_two(wanted uuid, wanted_kind text) RETURNS approval LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public AS $$
DECLARE
    found approval;
BEGIN
    SELECT * INTO found FROM approval
    WHERE id = wanted AND kind = wanted_kind AND state = 'taken' AND decided_by <> made_by;
    IF found.id IS NULL THEN
        RAISE EXCEPTION 'this needs the approval of a second person first';
    END IF;
    RETURN found;
END
$$;

-- A manual report with its one event, as the feeds write theirs. `event` is the JSON of core.event_json, `act` the rest.
CREATE FUNCTION write_manual(wanted uuid, body bytea, event jsonb, act jsonb, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    agreed approval := agreed_by_two(wanted, 'manual_send');
    report_id bigint;
    event_id bigint;
BEGIN
    IF event ->> 'source' <> 'manual' OR event ->> 'status' <> 'actual'
       OR event ->> 'thread' <> 'manual:' || (act ->> 'incident') THEN
        RAISE EXCEPTION 'this is not the event of a manual incident';
    END IF;
    INSERT INTO report (source, sha256, received_at, body, type, title, status, message_type, reported_at, state)
    VALUES ('manual', sha256(body), at, body, 'MANUAL', event ->> 'title', 'actual', event ->> 'message_type',
            (event ->> 'issued_at')::timestamptz, 'parsed')
    RETURNING id INTO report_id;
    INSERT INTO event (report_id, seq, source, type, hazard, status, message_type, thread, event_ids, issued_at, sent_at,
                       received_at, headline, office, purpose, payload)
    VALUES (report_id, 0, 'manual', 'MANUAL', event ->> 'hazard', 'actual', event ->> 'message_type', event ->> 'thread',
            ARRAY(SELECT jsonb_array_elements_text(event -> 'event_ids')), (event ->> 'issued_at')::timestamptz,
            (event ->> 'sent_at')::timestamptz, at, event ->> 'headline', event ->> 'office', 'live', event)
    RETURNING id INTO event_id;
    INSERT INTO manual_act (approval_id, incident, number, act, hazard, severity, picks, source_kind, source_words, said_at,
                            at, made_by, approved_by, event_id)
    VALUES (wanted, (act ->> 'incident')::uuid, (act ->> 'number')::int, act ->> 'act', act ->> 'hazard',
            act ->> 'severity', ARRAY(SELECT jsonb_array_elements_text(act -> 'picks')), act ->> 'source_kind',
            act ->> 'source_words', (act ->> 'said_at')::timestamptz, at, agreed.made_by, agreed.decided_by, event_id);
    RETURN event_id;
END
$$;

-- The rule that was proposed and approved, word by word: it is read from the approval, not from whoever calls.
CREATE FUNCTION write_rule(wanted uuid, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    agreed approval := agreed_by_two(wanted, 'rule_edit');
    edit bigint;
BEGIN
    -- In order of their numbers: whoever has read up to one has read all before it.
    PERFORM pg_advisory_xact_lock(hashtext('daijobu rules'));
    INSERT INTO rule_edit (approval_id, hazard, toml, made_by, approved_by, at)
    VALUES (wanted, agreed.payload ->> 'hazard', agreed.payload ->> 'toml', agreed.made_by, agreed.decided_by, at)
    RETURNING id INTO edit;
    RETURN edit;
END
$$;

GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION agreed_by_two(uuid, text) OWNER TO daijobu_worker;
ALTER FUNCTION write_manual(uuid, bytea, jsonb, jsonb, timestamptz) OWNER TO daijobu_worker;
ALTER FUNCTION write_rule(uuid, timestamptz) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION agreed_by_two(uuid, text), write_manual(uuid, bytea, jsonb, jsonb, timestamptz),
    write_rule(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agreed_by_two(uuid, text) TO daijobu_worker;
GRANT EXECUTE ON FUNCTION write_manual(uuid, bytea, jsonb, jsonb, timestamptz) TO daijobu_worker, daijobu_operator,
    daijobu_follow;
GRANT EXECUTE ON FUNCTION write_rule(uuid, timestamptz) TO daijobu_worker, daijobu_operator;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['manual_act', 'rule_edit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY read ON %I FOR SELECT TO daijobu_operator, daijobu_follow USING (true)', name);
        EXECUTE format('REVOKE UPDATE, DELETE ON %I FROM daijobu_worker', name);
        EXECUTE format('GRANT SELECT ON %I TO daijobu_operator, daijobu_follow', name);
    END LOOP;
END
$$;

-- What is held is let go or dropped by two (registry/approvals.py): its state, and the messages a correction stops.
GRANT UPDATE (state, held_reason, created_at, done_at, expires_at) ON alert TO daijobu_operator, daijobu_follow;
GRANT UPDATE (state, done_at, error_code) ON message TO daijobu_operator;

-- Access: manual_act, rule_edit: operator and follow select; worker select/insert (through the functions).
-- Access: alert: operator and follow update of the state. message: operator update of the state.
