-- Staff at 21:33: who must act when people were told gets one message and one link, and coordinators hear of calls for help.
--
-- A link of staff has no second factor, so it is narrow: one incident, one device (the first that opens it), 24 hours, the
-- names and states of the own organisation's people, and "I am going to the dorm". Its message goes only to a telephone
-- or browser whose owner has typed in the code that was sent there (contact.confirmed_at): a wrong digit must not show
-- a list of names to a stranger. The row in link carries the message's token through the outbox as for everybody else;
-- staff_alert says what the token opens.

ALTER TABLE link DROP CONSTRAINT link_kind_check,
    ADD CONSTRAINT link_kind_check CHECK (kind IN ('checkin', 'leader', 'personal', 'staff'));

ALTER TABLE contact ADD COLUMN confirmed_at timestamptz,
    ADD COLUMN proof_sent_at timestamptz,
    ADD COLUMN proof_tries int NOT NULL DEFAULT 0;

-- When the staff were told of an alert. Alerts from before this migration are not told again.
ALTER TABLE alert ADD COLUMN staff_called_at timestamptz;
UPDATE alert SET staff_called_at = coalesce(done_at, created_at);
CREATE INDEX alert_staff_uncalled ON alert (created_at) WHERE state = 'done' AND staff_called_at IS NULL;

CREATE TABLE staff_alert (
    id             uuid PRIMARY KEY,
    token_sha256   bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    org_id         uuid NOT NULL REFERENCES organisation,
    staff_id       uuid NOT NULL REFERENCES staff ON DELETE CASCADE,
    incident_id    uuid NOT NULL REFERENCES incident,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    device_sha256  bytea CHECK (length(device_sha256) = 32),
    opened_at      timestamptz,
    revoked_at     timestamptz,
    CHECK (expires_at <= created_at + interval '24 hours'),
    CHECK ((device_sha256 IS NULL) = (opened_at IS NULL))
);
CREATE INDEX staff_alert_staff ON staff_alert (staff_id, incident_id);
CREATE INDEX staff_alert_incident ON staff_alert (incident_id);

-- "I am going to the dorm": one row per person and dorm; a new time replaces the old one.
CREATE TABLE dorm_visit (
    id            uuid PRIMARY KEY,
    incident_id   uuid NOT NULL REFERENCES incident,
    site_id       uuid NOT NULL REFERENCES site ON DELETE CASCADE,
    org_id        uuid NOT NULL REFERENCES organisation,
    staff_id      uuid NOT NULL REFERENCES staff ON DELETE CASCADE,
    arrives_at    timestamptz NOT NULL,
    said_at       timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    UNIQUE (incident_id, site_id, staff_id)
);
CREATE INDEX dorm_visit_site ON dorm_visit (site_id);

-- Which coordinator has been told of which call for help.
CREATE TABLE help_told (
    case_id   uuid NOT NULL REFERENCES case_file ON DELETE CASCADE,
    staff_id  uuid NOT NULL REFERENCES staff ON DELETE CASCADE,
    at        timestamptz NOT NULL,
    PRIMARY KEY (case_id, staff_id)
);
CREATE INDEX help_told_staff ON help_told (staff_id, at);
CREATE INDEX case_help ON case_file (reason_since) WHERE closed_at IS NULL AND reason = 'needs_help';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['staff_alert', 'dorm_visit', 'help_told'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['staff_alert', 'dorm_visit'] LOOP
        EXECUTE format('CREATE POLICY own ON %I TO daijobu_web, daijobu_follow USING (org_id = ANY ((SELECT app_orgs())::uuid[]))', name);
    END LOOP;
    -- A coordinator sees the contacts of the people to follow up, and changes those of the own team alone.
    FOREACH name IN ARRAY ARRAY['INSERT', 'DELETE'] LOOP
        EXECUTE format('CREATE POLICY own_team_%s ON contact AS RESTRICTIVE FOR %s TO daijobu_follow %s (
            EXISTS (SELECT FROM staff s WHERE s.id = contact.staff_id AND s.org_id = ANY ((SELECT app_orgs())::uuid[])))',
            lower(name), name, CASE name WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END);
    END LOOP;
END
$$;
CREATE POLICY own_team_update ON contact AS RESTRICTIVE FOR UPDATE TO daijobu_follow USING (
    EXISTS (SELECT FROM staff s WHERE s.id = contact.staff_id AND s.org_id = ANY ((SELECT app_orgs())::uuid[])));
-- Before the token is checked nobody is known.
CREATE POLICY door ON staff_alert TO daijobu_door USING (true) WITH CHECK (true);
-- Who comes to a dorm is shown to its leader, and to whoever follows up on the people there.
CREATE POLICY of_visible ON dorm_visit FOR SELECT TO daijobu_person, daijobu_follow USING (
    EXISTS (SELECT FROM site s WHERE s.id = dorm_visit.site_id));
CREATE POLICY visitor ON staff FOR SELECT TO daijobu_person, daijobu_follow USING (
    EXISTS (SELECT FROM dorm_visit v WHERE v.staff_id = staff.id));

GRANT SELECT, INSERT, UPDATE ON staff_alert, dorm_visit TO daijobu_web, daijobu_follow;
GRANT SELECT, UPDATE ON staff_alert TO daijobu_door;
GRANT SELECT ON dorm_visit TO daijobu_person;
GRANT INSERT, UPDATE, DELETE ON contact TO daijobu_follow;
GRANT SELECT, DELETE ON staff_alert, dorm_visit, help_told TO daijobu_purge;

-- Access: staff_alert: web and follow own organisation's rows; door select/update; worker all; purge select/delete.
-- Access: dorm_visit: web and follow own organisation's rows; follow and person select where the site is visible;
--         worker all; purge select/delete.
-- Access: help_told: worker all; purge select/delete.
-- Access: contact: follow insert/update/delete for staff of the own organisation.
