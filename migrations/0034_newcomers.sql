-- Who registers, moves, or says where they are today after an alert has been to everybody is told what holds there now.
-- Whoever writes a place, a way to reach somebody or an enrolment leaves a row here; the decide loop looks at it within a
-- second or two and deletes it in the transaction that tells them (alerts/newcomer_tell.py).

-- One row per statement and 500 ids: an upload of a hundred thousand people leaves two hundred rows, not as many as people.
CREATE TABLE newcomer (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- People who came or moved, or places that did (whoever lives or works there has moved with them).
    residents  uuid[] NOT NULL DEFAULT '{}',
    places     uuid[] NOT NULL DEFAULT '{}',
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE newcomer ENABLE ROW LEVEL SECURITY;
ALTER TABLE newcomer FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON newcomer TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
-- UPDATE is for locking a row only.
GRANT SELECT, INSERT, UPDATE, DELETE ON newcomer TO daijobu_worker;
GRANT SELECT, DELETE ON newcomer TO daijobu_purge;

-- Each as whoever owns the schema, whoever writes: pages have no right to this table.
CREATE FUNCTION note_newcomers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO newcomer (residents)
    SELECT array_agg(resident_id) FROM (
        SELECT resident_id, (row_number() OVER () - 1) / 500 AS part
        FROM (SELECT DISTINCT resident_id FROM changed WHERE resident_id IS NOT NULL) AS people) AS parts
    GROUP BY part;
    RETURN NULL;
END
$$;
-- An upload writes most people's places as they were: only who is somewhere else, or there for longer, counts.
CREATE FUNCTION note_movers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO newcomer (residents)
    SELECT array_agg(resident_id) FROM (
        SELECT resident_id, (row_number() OVER () - 1) / 500 AS part
        FROM (SELECT DISTINCT n.resident_id FROM changed n LEFT JOIN before o USING (resident_id, kind)
              WHERE o.place_id IS DISTINCT FROM n.place_id OR o.until < n.until) AS people) AS parts
    GROUP BY part;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_moved_places() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO newcomer (places)
    SELECT array_agg(id) FROM (
        SELECT n.id, (row_number() OVER () - 1) / 500 AS part FROM changed n JOIN before o USING (id)
        WHERE (n.lat, n.lon, n.precision) IS DISTINCT FROM (o.lat, o.lon, o.precision)) AS parts
    GROUP BY part;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_coded_places() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO newcomer (places)
    SELECT array_agg(place_id) FROM (
        SELECT place_id, (row_number() OVER () - 1) / 500 AS part
        FROM (SELECT DISTINCT place_id FROM changed) AS places) AS parts
    GROUP BY part;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_enrolled() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO newcomer (residents) VALUES (ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
-- Who is deleted leaves no id here. A note that somebody is at work on is theirs: it goes with that work.
CREATE FUNCTION forget_newcomers() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE newcomer SET residents = ARRAY(SELECT unnest(residents) EXCEPT SELECT id FROM gone)
    WHERE id IN (SELECT id FROM newcomer WHERE residents && ARRAY(SELECT id FROM gone) FOR UPDATE SKIP LOCKED);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['note_newcomers', 'note_movers', 'note_moved_places', 'note_coded_places', 'note_enrolled',
                                'forget_newcomers'] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', name);
    END LOOP;
END
$$;
-- The functions' owner is bound by the policies too (FORCE).
CREATE POLICY note ON newcomer TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE TRIGGER came AFTER INSERT ON resident_place REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_newcomers();
CREATE TRIGGER moved AFTER UPDATE ON resident_place REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_movers();
CREATE TRIGGER newcomers AFTER UPDATE ON place REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_moved_places();
CREATE TRIGGER newcomers AFTER INSERT ON place_area REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_coded_places();
-- Who could not be reached has a way at last.
CREATE TRIGGER newcomers AFTER INSERT ON contact REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_newcomers();
-- Enrolled after an invitation, or back from a pause.
CREATE TRIGGER newcomers AFTER UPDATE OF state ON resident FOR EACH ROW
    WHEN (NEW.state = 'enrolled' AND OLD.state <> 'enrolled') EXECUTE FUNCTION note_enrolled();
CREATE TRIGGER no_newcomers AFTER DELETE ON resident REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_newcomers();

-- Access: newcomer: written by triggers; worker all; purge select, delete.
