-- What the places in memory (geo/place_index.py) must be told: one row for each place that was made, moved or deleted.
--
-- A reader asks for the changes since the oldest transaction that had not ended when it asked last, and skips those that it
-- has. That misses nothing, whereas "every seq above the last one" would lose a row that was numbered early and committed
-- late. A row says only that there was a change; how the place is now stands in its own row, or nowhere if it is gone. No
-- place: all of them (TRUNCATE). Rows are for those who are behind; whoever is further behind than they are kept loads anew.

CREATE TABLE place_change (
    seq       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    place_id  uuid,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX place_change_xid ON place_change (xid);
CREATE INDEX place_change_at ON place_change (at);

ALTER TABLE place_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE place_change FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON place_change TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
-- The log is written by the triggers, read by the loops and shortened by the purge.
REVOKE INSERT, UPDATE ON place_change FROM daijobu_worker;
GRANT SELECT, DELETE ON place_change TO daijobu_purge;

-- Each as whoever owns the schema, whoever changes a place: pages have no right to this table.
CREATE FUNCTION note_places() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO place_change (place_id) SELECT id FROM changed;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_places_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO place_change (place_id) SELECT n.id FROM changed n JOIN before o ON o.id = n.id
    WHERE (n.lat, n.lon, n.precision) IS DISTINCT FROM (o.lat, o.lon, o.precision);
    RETURN NULL;
END
$$;
CREATE FUNCTION note_place_codes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO place_change (place_id) SELECT DISTINCT place_id FROM changed WHERE scheme = 'jma.city';
    RETURN NULL;
END
$$;
CREATE FUNCTION note_all_places() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    INSERT INTO place_change (place_id) VALUES (NULL);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['note_places', 'note_places_moved', 'note_place_codes', 'note_all_places'] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', name);
    END LOOP;
END
$$;
-- The functions' owner is bound by the policies too (FORCE).
CREATE POLICY note ON place_change FOR INSERT TO CURRENT_USER WITH CHECK (true);

CREATE TRIGGER made AFTER INSERT ON place REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_places();
CREATE TRIGGER moved AFTER UPDATE ON place REFERENCING OLD TABLE AS before NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_places_moved();
CREATE TRIGGER gone AFTER DELETE ON place REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_places();
CREATE TRIGGER emptied AFTER TRUNCATE ON place FOR EACH STATEMENT EXECUTE FUNCTION note_all_places();
CREATE TRIGGER codes_made AFTER INSERT ON place_area REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_place_codes();
CREATE TRIGGER codes_changed AFTER UPDATE ON place_area REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_place_codes();
CREATE TRIGGER codes_gone AFTER DELETE ON place_area REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION note_place_codes();
