-- What an alert writes for everybody, made smaller: fewer and narrower indexes, and the reason once for all who share it.
-- Measured per 100,000 people, seconds of PostgreSQL's processor: standings 2.0 and 1.1, links 2.5 and 1.3, who was told 0.45
-- and 0.25 (bench/fanout.py).

-- Why people were told: areas, levels, hazards; nobody's name or number. As JSON in each person's row it was four fifths of
-- that row, parsed anew for each. The id is made from the incident and the words (alerts/reasons.py), so that whoever
-- writes the same reason first has written it for all.
CREATE TABLE standing_reason (
    id           uuid PRIMARY KEY,
    incident_id  uuid NOT NULL,
    reason       jsonb NOT NULL
);
INSERT INTO standing_reason (id, incident_id, reason)
SELECT DISTINCT md5(incident_id::text || reason::text)::uuid, incident_id, reason FROM incident_resident WHERE reason <> '{}';
-- NULL: whoever answered without having been told.
ALTER TABLE incident_resident ADD COLUMN reason_id uuid;
UPDATE incident_resident SET reason_id = md5(incident_id::text || reason::text)::uuid WHERE reason <> '{}';
ALTER TABLE incident_resident DROP COLUMN reason;
GRANT SELECT, INSERT ON standing_reason TO daijobu_worker;
GRANT SELECT ON standing_reason TO daijobu_person;

-- A token is looked up by equality alone. Two links with one token are as likely as 70 bits guessed at once.
ALTER TABLE link DROP CONSTRAINT link_token_sha256_key;
CREATE INDEX link_token ON link USING hash (token_sha256);
-- One index for a person's check-in links and for one of them, one for all other links: no link stands in both.
DROP INDEX link_checkin, link_resident;
CREATE UNIQUE INDEX link_checkin ON link (resident_id, incident_id) WHERE kind = 'checkin';
CREATE INDEX link_resident ON link (resident_id) WHERE kind <> 'checkin' AND resident_id IS NOT NULL;

-- Found by person only when that person is deleted: by the alerts there are, each with the primary key.
DROP INDEX alert_resident_resident;

-- Who said no to being warned: few, asked about everybody.
CREATE INDEX consent_refused ON consent (resident_id) WHERE scope = 'C1' AND NOT given;

CREATE OR REPLACE FUNCTION people_gone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF EXISTS (SELECT FROM incident_resident ir JOIN gone ON gone.id = ir.resident_id) THEN
        RAISE EXCEPTION 'a resident stands in an incident' USING ERRCODE = 'foreign_key_violation';
    END IF;
    DELETE FROM link USING gone WHERE link.resident_id = gone.id AND link.kind = 'checkin';
    DELETE FROM link USING gone WHERE link.resident_id = gone.id AND link.kind <> 'checkin';
    RETURN NULL;
END
$$;

-- Access: standing_reason: areas and levels that many people share; worker select/insert, person select.
