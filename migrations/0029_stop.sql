-- A stop button: what has not been handed over to a provider yet stays here. And a correction started by hand.
--
-- A stop of one alert ends it: nobody new is told, and what waits is cancelled. A stop of everything changes no message: the
-- workers take nothing more from the outbox while its row is open, and go on where they were when it is closed. What is out
-- of date by then has expired meanwhile, as ever.

CREATE TABLE sending_stop (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id    uuid REFERENCES alert,  -- NULL: everything
    why         text NOT NULL CHECK (why <> ''),
    stopped_by  uuid NOT NULL REFERENCES staff,
    stopped_at  timestamptz NOT NULL,
    cancelled   int NOT NULL DEFAULT 0,  -- messages that a stop of one alert kept from leaving
    resumed_by  uuid REFERENCES staff,
    resumed_at  timestamptz,
    CHECK ((resumed_by IS NULL) = (resumed_at IS NULL)),
    CHECK (alert_id IS NULL OR resumed_at IS NULL)
);
-- Asked by every claim of every worker: one page, nearly always empty.
CREATE UNIQUE INDEX sending_stop_on ON sending_stop ((alert_id IS NULL)) WHERE alert_id IS NULL AND resumed_at IS NULL;
CREATE UNIQUE INDEX sending_stop_alert ON sending_stop (alert_id) WHERE alert_id IS NOT NULL;

-- What stops one alert. Messages in flight finish; one that comes back to be tried again finds its alert stopped. A message of
-- which nobody knows whether it left keeps the code that says so (`doubtful`, a regular expression): a correction goes there
-- too. Whoever was told nothing is not waited for. Returns how many messages will not leave.
CREATE FUNCTION stop_alert(wanted uuid, reason text, operator uuid, doubtful text, at timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    incident uuid;
    kept int;
BEGIN
    IF NOT EXISTS (SELECT FROM staff s WHERE s.id = operator AND s.role = 'operator' AND s.disabled_at IS NULL) THEN
        RAISE EXCEPTION 'only an operator stops an alert';
    END IF;
    UPDATE alert a SET state = 'stopped', done_at = coalesce(a.done_at, at) WHERE a.id = wanted AND a.state <> 'stopped'
    RETURNING a.incident_id INTO incident;
    IF incident IS NULL THEN
        RETURN NULL;
    END IF;
    UPDATE message m SET state = 'cancelled', done_at = at,
        error_code = CASE WHEN m.error_code ~ doubtful THEN m.error_code ELSE 'stopped' END
    WHERE m.incident_id = incident AND m.alert_id = wanted AND m.state = 'pending';
    GET DIAGNOSTICS kept = ROW_COUNT;
    UPDATE incident_resident ir SET asked_at = NULL
    WHERE ir.incident_id = incident AND ir.last_alert_id = wanted AND ir.status IS NULL AND ir.asked_at IS NOT NULL
      AND ir.reachable AND NOT EXISTS (
          SELECT FROM message m WHERE m.incident_id = incident AND m.resident_id = ir.resident_id
          AND (m.state IN ('leased', 'sent', 'delivered') OR m.error_code ~ doubtful));
    INSERT INTO sending_stop (alert_id, why, stopped_by, stopped_at, cancelled) VALUES (wanted, reason, operator, at, kept);
    RETURN kept;
END
$$;

-- A cancellation that two people agreed on, of every alert that one report (and its earlier and later versions) made in one
-- incident: the alerts stand in the approval. Goes to whoever was told, over the contacts that carried it. It is our own
-- staff who say so, not the agency whose report it was.
CREATE FUNCTION write_cancel(wanted uuid, new_alert uuid, doubtful text, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    agreed approval := agreed_by_two(wanted, 'alert_cancel');
    newest alert;
    changed uuid[] := ARRAY(SELECT jsonb_array_elements_text(agreed.payload -> 'alerts')::uuid);
BEGIN
    SELECT * INTO newest FROM alert a WHERE a.id = ANY (changed) ORDER BY a.revision DESC LIMIT 1 FOR UPDATE;
    IF newest.id IS NULL OR EXISTS (SELECT FROM alert a WHERE a.id = ANY (changed) AND a.incident_id <> newest.incident_id) THEN
        RAISE EXCEPTION 'these are not the alerts of one incident';
    END IF;
    UPDATE alert a SET state = 'stopped', done_at = coalesce(a.done_at, at) WHERE a.id = ANY (changed) AND a.state <> 'stopped';
    UPDATE message m SET state = 'cancelled', done_at = at,
        error_code = CASE WHEN m.error_code ~ doubtful THEN m.error_code ELSE 'withdrawn' END
    WHERE m.incident_id = newest.incident_id AND m.alert_id = ANY (changed) AND m.state = 'pending';
    INSERT INTO alert (id, incident_id, event_id, purpose, revision, moment, severity, areas, context, state, created_at,
                       expires_at)
    SELECT new_alert, newest.incident_id, newest.event_id, newest.purpose, max(a.revision) + 1, 'cancel', newest.severity,
           newest.areas, newest.context || jsonb_build_object('moment', 'cancel', 'tell', 'told', 'of', to_jsonb(changed),
               'source', 'manual', 'office', '', 'issued_at', at, 'valid_until', NULL,
               'earlier_at', newest.context -> 'issued_at'),
           'fanning', at, at + interval '6 hours'
    FROM alert a WHERE a.incident_id = newest.incident_id;
    RETURN newest.incident_id;
END
$$;

ALTER TABLE approval DROP CONSTRAINT approval_kind_check, ADD CONSTRAINT approval_kind_check CHECK (
    kind IN ('rule_edit', 'manual_send', 'break_glass', 'held_release', 'alert_cancel'));

GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION stop_alert(uuid, text, uuid, text, timestamptz) OWNER TO daijobu_worker;
ALTER FUNCTION write_cancel(uuid, uuid, text, timestamptz) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION stop_alert(uuid, text, uuid, text, timestamptz), write_cancel(uuid, uuid, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stop_alert(uuid, text, uuid, text, timestamptz) TO daijobu_worker, daijobu_operator;
GRANT EXECUTE ON FUNCTION write_cancel(uuid, uuid, text, timestamptz) TO daijobu_worker, daijobu_operator, daijobu_follow;

-- Every page of staff says that everything is stopped; which alerts were, only operators read.
ALTER TABLE sending_stop ENABLE ROW LEVEL SECURITY;
ALTER TABLE sending_stop FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON sending_stop TO daijobu_worker, daijobu_purge, daijobu_operator USING (true) WITH CHECK (true);
CREATE POLICY everything ON sending_stop FOR SELECT TO daijobu_web, daijobu_follow, daijobu_door USING (alert_id IS NULL);
REVOKE DELETE ON sending_stop FROM daijobu_worker;
GRANT SELECT ON sending_stop TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_door;
GRANT INSERT, UPDATE (resumed_by, resumed_at) ON sending_stop TO daijobu_operator;
GRANT SELECT, DELETE ON sending_stop TO daijobu_purge;

-- Access: sending_stop: worker select, insert, update; operator select, insert, update of the resumption; web, follow and door
-- select of the stops of everything; purge select, delete.
