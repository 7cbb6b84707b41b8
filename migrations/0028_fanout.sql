-- A fan-out for a country: whose turn comes when, in several slices at once, and no check of keys for each row.

-- The people of an alert on its way, in portions: worst and nearest first. Number 0 are those who were told at once, before
-- anybody was counted. Whoever takes a portion locks its row, in any process; done_at and what the people got commit
-- together. The rows go with the alert's end.
CREATE TABLE alert_slice (
    alert_id   uuid NOT NULL REFERENCES alert ON DELETE CASCADE,
    number     int NOT NULL,
    residents  uuid[] NOT NULL,
    done_at    timestamptz,
    PRIMARY KEY (alert_id, number)
);
CREATE INDEX alert_slice_waiting ON alert_slice (alert_id, number) WHERE done_at IS NULL;
ALTER TABLE alert_slice ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_slice FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON alert_slice TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON alert_slice TO daijobu_worker;
GRANT SELECT, DELETE ON alert_slice TO daijobu_purge;

-- However an alert ends, a page's stop button included: a held one keeps its portions, it may go on. A portion that somebody
-- is at work on is theirs to drop: they find the alert stopped.
CREATE FUNCTION drop_slices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM alert_slice WHERE (alert_id, number) IN (
        SELECT s.alert_id, s.number FROM alert_slice s WHERE s.alert_id = NEW.id FOR UPDATE SKIP LOCKED);
    RETURN NULL;
END
$$;
CREATE TRIGGER ended AFTER UPDATE OF state ON alert FOR EACH ROW
    WHEN (NEW.state IN ('done', 'stopped') AND OLD.state <> NEW.state) EXECUTE FUNCTION drop_slices();

-- Foreign keys that a fan-out paid for row by row (measured: half of the time of writing a link, a third of a standing).
-- In their place: a fan-out takes the key below for everybody at once, shared, before it reads people and until it has
-- committed (app.fanout says that it has); whoever deletes people takes it alone. All others are checked as before.
ALTER TABLE incident_resident DROP CONSTRAINT incident_resident_resident_id_fkey;
ALTER TABLE link DROP CONSTRAINT link_resident_id_fkey, DROP CONSTRAINT link_incident_id_fkey;

CREATE FUNCTION must_exist() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.resident_id IS NOT NULL THEN
        PERFORM FROM resident WHERE id = NEW.resident_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a row of % names no resident', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    IF NEW.incident_id IS NOT NULL THEN
        PERFORM FROM incident WHERE id = NEW.incident_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a row of % names no incident', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
-- Exclusive until the deletion has committed: fan-outs wait a moment, and then do not see these people any more.
CREATE FUNCTION no_fan_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(2028, 1);
    RETURN NULL;
END
$$;
-- As the foreign keys did: links go with their person, and a person who stands in an incident is not deleted.
CREATE FUNCTION people_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT FROM incident_resident ir JOIN gone ON gone.id = ir.resident_id) THEN
        RAISE EXCEPTION 'a resident stands in an incident' USING ERRCODE = 'foreign_key_violation';
    END IF;
    DELETE FROM link USING gone WHERE link.resident_id = gone.id;
    RETURN NULL;
END
$$;
GRANT CREATE ON SCHEMA public TO daijobu_worker;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['drop_slices', 'must_exist', 'people_gone'] LOOP
        EXECUTE format('ALTER FUNCTION %I() OWNER TO daijobu_worker', name);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', name);
    END LOOP;
END
$$;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;

CREATE TRIGGER known AFTER INSERT OR UPDATE OF resident_id, incident_id ON incident_resident FOR EACH ROW
    WHEN (current_setting('app.fanout', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION must_exist();
CREATE TRIGGER known AFTER INSERT OR UPDATE OF resident_id, incident_id ON link FOR EACH ROW
    WHEN (current_setting('app.fanout', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION must_exist();
CREATE TRIGGER alone BEFORE DELETE ON resident FOR EACH STATEMENT EXECUTE FUNCTION no_fan_out();
CREATE TRIGGER gone AFTER DELETE ON resident REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION people_gone();

-- Access: alert_slice: worker all; purge select/delete.
