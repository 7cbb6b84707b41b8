-- What a fan-out pays for each person, once more made smaller (ADR 0018, point 6), and for each link of an upload.

-- Of how many ranks of its areas, the worst first, everybody stands in a portion. Whoever comes after that leaves a note
-- (migrations/0034), which nobody takes while an alert is on its way: looking at everybody a second time finds nobody else.
-- A release from hold begins anew.
ALTER TABLE alert ADD COLUMN planned smallint NOT NULL DEFAULT 0;
GRANT UPDATE (planned) ON alert TO daijobu_operator, daijobu_follow;

-- No statement could use the index of silent people (each asks "or answered before the question"), and because of its
-- condition every answer wrote all indexes of its row anew. A person's standings are found by the person first; of an
-- incident's people, one small index is enough.
DROP INDEX incident_resident_silent;
ALTER TABLE incident_resident DROP CONSTRAINT incident_resident_pkey;
DROP INDEX incident_resident_resident;
ALTER TABLE incident_resident ADD PRIMARY KEY (resident_id, incident_id);
CREATE INDEX incident_resident_incident ON incident_resident (incident_id);

-- Two foreign keys of every link, though only leaders' and staff's name a site or a member of staff.
ALTER TABLE link DROP CONSTRAINT link_site_id_fkey, DROP CONSTRAINT link_staff_id_fkey;

CREATE FUNCTION link_names() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.site_id IS NOT NULL THEN
        PERFORM FROM site WHERE id = NEW.site_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a link names no site' USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    IF NEW.staff_id IS NOT NULL THEN
        PERFORM FROM staff WHERE id = NEW.staff_id FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a link names no member of staff' USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    RETURN NULL;
END
$$;
-- As the foreign keys did: links go with their site, and with their member of staff.
CREATE FUNCTION sites_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM link USING gone WHERE link.site_id = gone.id;
    RETURN NULL;
END
$$;
CREATE FUNCTION staff_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    DELETE FROM link USING gone WHERE link.staff_id = gone.id;
    RETURN NULL;
END
$$;
GRANT CREATE ON SCHEMA public TO daijobu_worker;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['link_names', 'sites_gone', 'staff_gone'] LOOP
        EXECUTE format('ALTER FUNCTION %I() OWNER TO daijobu_worker', name);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', name);
    END LOOP;
END
$$;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;

CREATE TRIGGER names AFTER INSERT OR UPDATE OF site_id, staff_id ON link FOR EACH ROW
    WHEN (NEW.site_id IS NOT NULL OR NEW.staff_id IS NOT NULL) EXECUTE FUNCTION link_names();
CREATE TRIGGER gone AFTER DELETE ON site REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION sites_gone();
CREATE TRIGGER gone AFTER DELETE ON staff REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION staff_gone();
-- The few links that name a site or a member of staff are found without reading everybody's.
CREATE INDEX link_site ON link (site_id) WHERE site_id IS NOT NULL;
CREATE INDEX link_staff ON link (staff_id) WHERE staff_id IS NOT NULL;

-- What a fan-out asks of everybody's places and addresses is answered from these indexes alone, once autovacuum has been there.
ALTER TABLE resident_place DROP CONSTRAINT resident_place_pkey;
ALTER TABLE resident_place ADD PRIMARY KEY (resident_id, kind) INCLUDE (place_id, until);
DROP INDEX contact_once;
CREATE UNIQUE INDEX contact_once ON contact (resident_id, channel, address_bidx) INCLUDE (id, kind, state, created_at)
    WHERE resident_id IS NOT NULL;
