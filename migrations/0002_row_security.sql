-- Who may touch which rows: database roles, row-level security, and the new kinds of organisation and staff.
--
-- The second of two walls. The first is registry/access.py and the pages; this one holds when a page forgets to ask. Every
-- transaction takes one of the roles below (SET LOCAL ROLE, core/db.py) and says whose rows it is about:
--   app.orgs    the organisations whose people a staff page may see
--   app.people  the residents whom a link stands for
-- Nothing set means nobody: a forgotten scope shows an empty page, never somebody else's.
--
--   daijobu_worker    the loops and the command line: everybody's rows
--   daijobu_web       staff of organisations: rows of their organisations
--   daijobu_follow    coordinators and volunteers: people of open incidents, and their own team
--   daijobu_operator  whoever runs the machine: organisations, staff, numbers; the columns with names are not granted
--   daijobu_person    pages behind a resident's or leader's link: these people's rows
--   daijobu_door      before anybody is known: sessions, staff, one-time links; no residents
--   daijobu_purge     retention: may delete
-- Rows of a person carry `orgs`, `org_id` or `resident_id`. `orgs && app_orgs()` is answered by the GIN index; rows with a
-- resident_id ask whether that resident's row is visible, so that the rule stands in one place.

ALTER TABLE organisation DROP CONSTRAINT organisation_kind_check, ADD CONSTRAINT organisation_kind_check CHECK (
    kind IN ('employer', 'supervising', 'community', 'volunteer_network', 'partner', 'school', 'auditor', 'umbrella', 'operator'));
ALTER TABLE staff DROP CONSTRAINT staff_role_check, ADD CONSTRAINT staff_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella'));
ALTER TABLE staff_link DROP CONSTRAINT staff_link_role_check, ADD CONSTRAINT staff_link_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella'));
ALTER TABLE org_relation DROP CONSTRAINT org_relation_kind_check, ADD CONSTRAINT org_relation_kind_check CHECK (
    kind IN ('supervises', 'member', 'umbrella'));

-- ---------------------------------------------------------------- roles

-- Roles belong to the server, not to one database: they may be there already, and two databases may be migrated at once.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['worker', 'web', 'follow', 'operator', 'person', 'door', 'purge'] LOOP
        wanted := 'daijobu_' || wanted;
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the database user % may not create roles: let the server''s administrator run "ALTER ROLE % CREATEROLE", then migrate again',
                    current_user, current_user;
        END;
        BEGIN
            IF NOT pg_has_role(current_user, wanted, 'MEMBER')
               OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper) THEN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            END IF;
        EXCEPTION
            WHEN unique_violation THEN NULL;
        END;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO daijobu_worker, daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_purge;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO daijobu_worker;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO daijobu_worker;
-- What is append-only is so for everybody.
REVOKE UPDATE, DELETE ON audit, report FROM daijobu_worker;

-- ---------------------------------------------------------------- whose rows

CREATE FUNCTION app_orgs() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('app.orgs', true), ''), ',')::uuid[];
CREATE FUNCTION app_people() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('app.people', true), ''), ',')::uuid[];

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['place', 'site', 'staff', 'session', 'staff_link', 'dashboard_opened', 'resident', 'membership',
            'resident_place', 'site_leader', 'contact', 'consent', 'import_run', 'incident_resident', 'alert_resident', 'link',
            'message', 'receipt', 'check_in', 'case_file', 'case_note', 'audit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
    -- The rows of a person are visible where the person is.
    FOREACH name IN ARRAY ARRAY['resident_place', 'consent', 'check_in', 'case_file'] LOOP
        EXECUTE format('CREATE POLICY of_visible ON %I TO daijobu_web, daijobu_follow, daijobu_person
            USING (EXISTS (SELECT FROM resident r WHERE r.id = %I.resident_id))', name, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['membership', 'message'] LOOP
        EXECUTE format('CREATE POLICY of_visible ON %I TO daijobu_follow, daijobu_person
            USING (EXISTS (SELECT FROM resident r WHERE r.id = %I.resident_id))', name, name);
    END LOOP;
    -- What belongs to an organisation.
    FOREACH name IN ARRAY ARRAY['site', 'staff', 'staff_link', 'membership', 'dashboard_opened', 'import_run'] LOOP
        EXECUTE format('CREATE POLICY own ON %I TO daijobu_web, daijobu_follow USING (org_id = ANY ((SELECT app_orgs())::uuid[]))', name);
    END LOOP;
    -- Numbers: every row, but of people only the columns granted below.
    FOREACH name IN ARRAY ARRAY['site', 'staff', 'staff_link', 'session', 'resident', 'membership', 'consent', 'contact', 'dashboard_opened',
            'incident_resident', 'message', 'check_in', 'case_file', 'import_run'] LOOP
        EXECUTE format('CREATE POLICY numbers ON %I TO daijobu_operator USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['staff', 'staff_link', 'session'] LOOP
        EXECUTE format('CREATE POLICY door ON %I TO daijobu_door USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;

-- Everybody may add to the log; only the loops read it, and a person the rows about themselves.
CREATE POLICY append ON audit FOR INSERT WITH CHECK (true);
CREATE POLICY about_me ON audit FOR SELECT TO daijobu_person USING (subjects && (SELECT app_people()));

CREATE POLICY own ON resident TO daijobu_web USING (orgs && (SELECT app_orgs()));
CREATE POLICY of_link ON resident TO daijobu_person USING (id = ANY ((SELECT app_people())::uuid[]));
CREATE POLICY open_incident ON resident TO daijobu_follow USING (EXISTS (
    SELECT FROM incident_resident t WHERE t.resident_id = resident.id));

CREATE POLICY own ON incident_resident TO daijobu_web USING (orgs && (SELECT app_orgs()));
CREATE POLICY of_link ON incident_resident TO daijobu_person USING (resident_id = ANY ((SELECT app_people())::uuid[]));
CREATE POLICY open_incident ON incident_resident TO daijobu_follow USING (
    incident_id IN (SELECT i.id FROM incident i WHERE i.closed_at IS NULL));
CREATE POLICY of_mine ON message TO daijobu_web USING (EXISTS (SELECT FROM resident r WHERE r.id = message.resident_id));
CREATE POLICY to_staff ON message TO daijobu_web, daijobu_follow USING (
    EXISTS (SELECT FROM staff s WHERE s.id = message.staff_id AND s.org_id = ANY ((SELECT app_orgs())::uuid[])));

CREATE POLICY of_visible ON case_note TO daijobu_web, daijobu_follow, daijobu_person
    USING (EXISTS (SELECT FROM case_file c WHERE c.id = case_note.case_id));

-- A note may be written in the statement that opens its case.
CREATE POLICY append ON case_note FOR INSERT TO daijobu_web, daijobu_follow, daijobu_person WITH CHECK (true);

CREATE POLICY of_visible ON contact TO daijobu_web, daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM resident r WHERE r.id = contact.resident_id) OR EXISTS (SELECT FROM staff s WHERE s.id = contact.staff_id));

-- The sites where visible people sleep and work.
CREATE POLICY of_visible ON site TO daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM membership m WHERE m.dorm_id = site.id AND m.ended_at IS NULL)
    OR EXISTS (SELECT FROM membership m WHERE m.workplace_id = site.id AND m.ended_at IS NULL));
CREATE POLICY of_visible ON site_leader TO daijobu_web, daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM site s WHERE s.id = site_leader.site_id));
CREATE POLICY of_visible ON place TO daijobu_web, daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM site s WHERE s.place_id = place.id)
    OR EXISTS (SELECT FROM resident_place p WHERE p.place_id = place.id));
-- A place is written before what lies there.
CREATE POLICY make ON place FOR INSERT TO daijobu_web, daijobu_person WITH CHECK (true);

-- Who follows up on a person, or can be called about them: the volunteer who claimed the case, the dorm's leader, the
-- staff of the organisation.
CREATE POLICY helper ON staff FOR SELECT TO daijobu_person, daijobu_follow USING (
    EXISTS (SELECT FROM case_file c WHERE c.claimed_by = staff.id)
    OR EXISTS (SELECT FROM site_leader l WHERE l.staff_id = staff.id));
CREATE POLICY to_call ON staff FOR SELECT TO daijobu_follow USING (
    EXISTS (SELECT FROM membership m WHERE m.org_id = staff.org_id AND m.ended_at IS NULL));
CREATE POLICY of_staff ON session TO daijobu_web, daijobu_follow USING (
    EXISTS (SELECT FROM staff s WHERE s.id = session.staff_id AND s.org_id = ANY ((SELECT app_orgs())::uuid[])));
CREATE POLICY of_visible ON link TO daijobu_web, daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM resident r WHERE r.id = link.resident_id)
    OR EXISTS (SELECT FROM site s WHERE s.id = link.site_id));

-- ---------------------------------------------------------------- questions across organisations

-- Whom a link stands for: its holder; for a leader everyone of the dorm. Asked as a transaction takes its scope on.
CREATE FUNCTION link_people(token bytea) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT array_agg(DISTINCT person) FROM (
        SELECT l.resident_id AS person FROM link l WHERE l.token_sha256 = token AND l.resident_id IS NOT NULL
        UNION ALL
        SELECT m.resident_id FROM link l JOIN membership m ON m.ended_at IS NULL AND l.site_id IN (m.dorm_id, m.workplace_id)
        WHERE l.token_sha256 = token AND l.kind = 'leader'
    ) AS everyone
$$;

-- The end of an organisation's view: the one change after which the row is no longer visible to whoever makes it.
CREATE FUNCTION leave_org(person uuid, org uuid) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    changed int;
BEGIN
    IF EXISTS (SELECT FROM membership WHERE resident_id = person AND org_id = org AND ended_at IS NULL) THEN
        RAISE EXCEPTION 'the membership must have ended before the view does';
    END IF;
    UPDATE incident_resident SET orgs = array_remove(orgs, org) WHERE resident_id = person AND org = ANY (orgs);
    UPDATE resident SET orgs = array_remove(orgs, org) WHERE id = person;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- These run as the worker, not as whoever calls them, nor as the owner of the tables (who is bound by the policies too).
GRANT CREATE ON SCHEMA public TO daijobu_worker;
-- The tables that one alert fills by the hundred thousand belong to the worker, which sees all of their rows anyway: COPY
-- does not work under row-level security, and only an owner may ANALYZE. Everybody else is bound by the policies.
ALTER TABLE message NO FORCE ROW LEVEL SECURITY, OWNER TO daijobu_worker;
ALTER TABLE alert_resident NO FORCE ROW LEVEL SECURITY, OWNER TO daijobu_worker;
ALTER TABLE incident_resident NO FORCE ROW LEVEL SECURITY, OWNER TO daijobu_worker;
ALTER TABLE link NO FORCE ROW LEVEL SECURITY, OWNER TO daijobu_worker;
ALTER FUNCTION link_people(bytea) OWNER TO daijobu_worker;
ALTER FUNCTION leave_org(uuid, uuid) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION link_people(bytea), leave_org(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION link_people(bytea) TO daijobu_worker;
GRANT EXECUTE ON FUNCTION leave_org(uuid, uuid) TO daijobu_web, daijobu_worker;

-- ---------------------------------------------------------------- what each role may do at all

GRANT SELECT ON deployment, heartbeat, feed_state, organisation, org_relation, incident, incident_event, event, report, alert, alert_text,
    place_area, schema_migration TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_purge;
GRANT INSERT ON audit TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_purge;
GRANT SELECT ON audit TO daijobu_person, daijobu_purge;

GRANT SELECT, INSERT, UPDATE ON site, staff, staff_link, session, dashboard_opened, resident, membership, place, contact, link, import_run,
    incident_resident, check_in, case_file TO daijobu_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON resident_place, site_leader, place_area TO daijobu_web;
GRANT SELECT, INSERT ON consent, case_note TO daijobu_web;
GRANT INSERT, UPDATE ON organisation TO daijobu_web;
GRANT INSERT ON org_relation TO daijobu_web;
GRANT DELETE ON place, contact TO daijobu_web;
GRANT SELECT, UPDATE ON message TO daijobu_web;

GRANT SELECT ON resident, membership, site, site_leader, place, resident_place, consent, contact, message, link TO daijobu_follow;
GRANT SELECT, INSERT, UPDATE ON staff, staff_link, session, incident_resident, check_in, case_file TO daijobu_follow;
GRANT SELECT, INSERT ON case_note TO daijobu_follow;
GRANT UPDATE ON message TO daijobu_follow;
GRANT DELETE ON site_leader TO daijobu_follow;

GRANT SELECT, INSERT, UPDATE ON organisation, staff, staff_link, session, deployment TO daijobu_operator;
GRANT INSERT ON org_relation TO daijobu_operator;
GRANT SELECT (id, orgs, language, state, simulated, created_at, enrolled_at, left_at) ON resident TO daijobu_operator;
GRANT SELECT (id, resident_id, staff_id, kind, channel, state) ON contact TO daijobu_operator;
GRANT SELECT (id, incident_id, resident_id, purpose, answer, answered_by, received_at) ON check_in TO daijobu_operator;
GRANT SELECT ON membership, site, consent, incident_resident, message, case_file, dashboard_opened, import_run TO daijobu_operator;

GRANT SELECT, UPDATE ON resident, membership TO daijobu_person;
GRANT SELECT ON site, staff TO daijobu_person;
GRANT SELECT, INSERT, UPDATE, DELETE ON site_leader, resident_place, place_area, place, contact TO daijobu_person;
GRANT SELECT, INSERT ON consent, case_note TO daijobu_person;
GRANT SELECT, INSERT, UPDATE ON link, incident_resident, check_in, case_file, message, incident, alert TO daijobu_person;

GRANT SELECT, INSERT, UPDATE ON staff, staff_link, session TO daijobu_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON signin_failure TO daijobu_door, daijobu_web, daijobu_follow, daijobu_operator;
