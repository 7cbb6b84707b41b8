-- "Send where I am now to the volunteers": one position of a phone, for one incident, by consent C5.
--
-- Latitude, longitude and accuracy are one encrypted value; nothing of it is readable here. A new position replaces the
-- old one: this is no track. It is seen by the person, and by whoever follows up while the person's case and the
-- incident are open, never of a protected person. No organisation's role is granted anything.

CREATE TABLE shared_location (
    id           uuid PRIMARY KEY,
    incident_id  uuid NOT NULL REFERENCES incident,
    resident_id  uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    point_enc    bytea NOT NULL,
    sent_at      timestamptz NOT NULL,
    UNIQUE (resident_id, incident_id)
);
CREATE INDEX shared_location_incident ON shared_location (incident_id);

ALTER TABLE shared_location ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared_location FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON shared_location TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
-- A leader's link stands for a whole dorm: with more than one person there is nobody whose own position it would be.
CREATE POLICY of_link ON shared_location TO daijobu_person USING (
    cardinality((SELECT app_people())) = 1 AND resident_id = ANY ((SELECT app_people())::uuid[]));
CREATE POLICY of_case ON shared_location FOR SELECT TO daijobu_follow USING (
    EXISTS (SELECT FROM resident r WHERE r.id = shared_location.resident_id AND NOT r.protected)
    AND EXISTS (SELECT FROM case_file c WHERE c.resident_id = shared_location.resident_id AND c.closed_at IS NULL)
    AND EXISTS (SELECT FROM incident i WHERE i.id = shared_location.incident_id AND i.closed_at IS NULL));

-- What is taken back is gone in the same moment, whichever page or message took it back.
CREATE FUNCTION drop_location() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM shared_location l WHERE l.resident_id = NEW.resident_id
       AND (NEW.incident_id IS NULL OR l.incident_id = NEW.incident_id);
    RETURN NULL;
END
$$;
GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION drop_location() OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION drop_location() FROM PUBLIC;
CREATE TRIGGER consent_location_withdrawn AFTER INSERT ON consent
    FOR EACH ROW WHEN (NEW.scope = 'C5' AND NOT NEW.given) EXECUTE FUNCTION drop_location();

GRANT SELECT, INSERT, UPDATE, DELETE ON shared_location TO daijobu_person;
GRANT SELECT ON shared_location TO daijobu_follow;
GRANT SELECT, INSERT, UPDATE, DELETE ON shared_location TO daijobu_purge;

-- Access: shared_location: person (own link only) all; follow select (open case and incident, not protected);
--         worker all; purge all; web, operator, door none.
