-- Row-level security for the tables that came after 0002 (their files say at the end who needs what) and links of
-- families.

-- ---------------------------------------------------------------- whose rows

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['totp', 'passkey', 'recovery_code', 'staff_recovery', 'held_form', 'approval', 'volunteer_pass',
            'incident_summary', 'resident_need', 'family_link', 'break_glass', 'break_glass_person', 'enrolment_draft', 'absence',
            'poster', 'walk_in', 'same_person', 'import_progress', 'import_change', 'api_token', 'api_idempotency', 'webhook',
            'webhook_seen', 'webhook_delivery', 'ops_alarm'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
    -- What proves who a member of staff is: of whoever may be seen; at the door, of whoever knocks.
    FOREACH name IN ARRAY ARRAY['totp', 'passkey', 'recovery_code', 'staff_recovery', 'held_form'] LOOP
        EXECUTE format('CREATE POLICY of_staff ON %I TO daijobu_web, daijobu_follow, daijobu_operator
            USING (EXISTS (SELECT FROM staff s WHERE s.id = %I.staff_id))', name, name);
        EXECUTE format('CREATE POLICY door ON %I TO daijobu_door USING (true) WITH CHECK (true)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['import_progress', 'import_change', 'incident_summary', 'poster', 'api_idempotency', 'webhook_seen',
            'webhook_delivery'] LOOP
        EXECUTE format('CREATE POLICY own ON %I TO daijobu_web USING (org_id = ANY ((SELECT app_orgs())::uuid[]))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['api_token', 'webhook'] LOOP
        EXECUTE format('CREATE POLICY own ON %I TO daijobu_web USING (
            org_id = ANY ((SELECT app_orgs())::uuid[]) OR owner_id = ANY ((SELECT app_orgs())::uuid[]))', name);
    END LOOP;
    -- The rows of a person, for the person alone ...
    FOREACH name IN ARRAY ARRAY['family_link', 'enrolment_draft', 'same_person'] LOOP
        EXECUTE format('CREATE POLICY of_link ON %I TO daijobu_person
            USING (resident_id = ANY ((SELECT app_people())::uuid[]))', name);
    END LOOP;
    -- ... and for whoever follows up on them.
    FOREACH name IN ARRAY ARRAY['resident_need', 'break_glass_person'] LOOP
        EXECUTE format('CREATE POLICY of_visible ON %I TO daijobu_person, daijobu_follow
            USING (EXISTS (SELECT FROM resident r WHERE r.id = %I.resident_id))', name, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['incident_summary', 'ops_alarm'] LOOP
        EXECUTE format('CREATE POLICY numbers ON %I FOR SELECT TO daijobu_operator USING (true)', name);
    END LOOP;
END
$$;

CREATE POLICY of_visible ON absence TO daijobu_person, daijobu_follow, daijobu_web
    USING (EXISTS (SELECT FROM resident r WHERE r.id = absence.resident_id));
CREATE POLICY of_visible ON alert_resident TO daijobu_person
    USING (EXISTS (SELECT FROM resident r WHERE r.id = alert_resident.resident_id));
CREATE POLICY of_visible ON receipt TO daijobu_person USING (EXISTS (SELECT FROM message m WHERE m.id = receipt.message_id));
CREATE POLICY of_poster ON walk_in TO daijobu_web USING (EXISTS (SELECT FROM poster p WHERE p.id = walk_in.poster_id));
CREATE POLICY own ON volunteer_pass TO daijobu_follow USING (org_id = ANY ((SELECT app_orgs())::uuid[]));
CREATE POLICY door ON volunteer_pass TO daijobu_door USING (true) WITH CHECK (true);
CREATE POLICY door ON poster FOR SELECT TO daijobu_door USING (true);
CREATE POLICY door ON api_token TO daijobu_door USING (true) WITH CHECK (true);
CREATE POLICY everyone ON incident_summary FOR SELECT TO daijobu_follow USING (true);
CREATE POLICY erasing ON incident_summary TO daijobu_person USING (true) WITH CHECK (true);
CREATE POLICY own ON ops_alarm FOR SELECT TO daijobu_web, daijobu_follow USING (org_id = ANY ((SELECT app_orgs())::uuid[]));
CREATE POLICY to_decide ON approval TO daijobu_follow, daijobu_operator USING (true) WITH CHECK (true);
CREATE POLICY to_decide_web ON approval TO daijobu_web USING (kind <> 'break_glass') WITH CHECK (kind <> 'break_glass');
CREATE POLICY follow ON break_glass TO daijobu_follow USING (true) WITH CHECK (true);
CREATE POLICY about_me ON break_glass FOR SELECT TO daijobu_person USING (
    EXISTS (SELECT FROM break_glass_person p WHERE p.break_glass_id = break_glass.id));

-- ---------------------------------------------------------------- questions across organisations

CREATE OR REPLACE FUNCTION link_people(token bytea) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT array_agg(DISTINCT person) FROM (
        SELECT l.resident_id AS person FROM link l WHERE l.token_sha256 = token AND l.resident_id IS NOT NULL
        UNION ALL
        SELECT m.resident_id FROM link l JOIN membership m ON m.ended_at IS NULL AND l.site_id IN (m.dorm_id, m.workplace_id)
        WHERE l.token_sha256 = token AND l.kind = 'leader'
        UNION ALL
        SELECT f.resident_id FROM family_link f WHERE f.token_sha256 = token AND f.revoked_at IS NULL
    ) AS everyone
$$;

GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION reach_totals(timestamptz, timestamptz) OWNER TO daijobu_worker;
ALTER FUNCTION answer_shared(uuid, uuid) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION reach_totals(timestamptz, timestamptz), answer_shared(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reach_totals(timestamptz, timestamptz) TO daijobu_operator, daijobu_worker, daijobu_web, daijobu_follow;
GRANT EXECUTE ON FUNCTION answer_shared(uuid, uuid) TO daijobu_web, daijobu_person, daijobu_worker, daijobu_operator, daijobu_follow;

-- ---------------------------------------------------------------- what each role may do at all

REVOKE UPDATE, DELETE ON purge_run, consent_text FROM daijobu_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON totp, passkey, recovery_code, staff_recovery, held_form, passkey_challenge_used
    TO daijobu_door, daijobu_web, daijobu_follow, daijobu_operator;
GRANT SELECT, INSERT, UPDATE ON approval TO daijobu_web, daijobu_follow, daijobu_operator;
GRANT SELECT, INSERT, UPDATE ON volunteer_pass TO daijobu_follow;
GRANT SELECT, UPDATE ON volunteer_pass TO daijobu_door;
GRANT SELECT ON purge_run TO daijobu_web, daijobu_follow, daijobu_operator;
GRANT SELECT ON delivery_summary TO daijobu_web, daijobu_operator;
GRANT SELECT ON incident_summary TO daijobu_web, daijobu_follow, daijobu_operator;
GRANT SELECT, INSERT, UPDATE ON delivery_summary, incident_summary TO daijobu_person, daijobu_purge;
GRANT SELECT ON ops_alarm TO daijobu_web, daijobu_follow, daijobu_operator;
GRANT INSERT ON ops_alarm TO daijobu_follow;
GRANT SELECT ON consent_text TO daijobu_web, daijobu_follow, daijobu_operator;
GRANT SELECT, INSERT ON consent_text TO daijobu_person;
GRANT SELECT ON resident_need TO daijobu_follow;
GRANT SELECT, INSERT, UPDATE ON break_glass, break_glass_person TO daijobu_follow;
GRANT SELECT ON break_glass TO daijobu_person;
GRANT SELECT, UPDATE ON break_glass_person TO daijobu_person;
GRANT SELECT, INSERT, UPDATE, DELETE ON resident_need, family_link, enrolment_draft, same_person, absence TO daijobu_person;
GRANT SELECT, INSERT, UPDATE, DELETE ON absence TO daijobu_web;
GRANT SELECT ON absence TO daijobu_follow;
GRANT SELECT, INSERT, UPDATE ON poster TO daijobu_web;
GRANT SELECT ON poster TO daijobu_door;
GRANT SELECT, INSERT, DELETE ON walk_in TO daijobu_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_progress, import_change TO daijobu_web;
GRANT SELECT, INSERT, UPDATE ON api_token, webhook TO daijobu_web;
GRANT SELECT, UPDATE ON api_token TO daijobu_door;
GRANT SELECT, INSERT, UPDATE ON api_usage TO daijobu_door;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_idempotency TO daijobu_web;
GRANT SELECT, INSERT ON webhook_seen TO daijobu_web;
GRANT SELECT, UPDATE ON webhook_delivery TO daijobu_web;
-- A person's own erasure (registry/erase_store.py).
GRANT DELETE ON message, alert_resident, case_note, case_file, check_in, incident_resident, link, resident, receipt TO daijobu_person;
GRANT SELECT ON alert_resident, receipt, incident, alert_text TO daijobu_person;
-- Retention.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO daijobu_purge;
REVOKE INSERT, UPDATE, DELETE ON report, schema_migration, organisation, audit_key, audit_report, audit_unsealed FROM daijobu_purge;
REVOKE UPDATE ON audit, purge_run, consent_text, audit_seal, audit_head, audit_dropped FROM daijobu_purge;
REVOKE DELETE ON audit_dropped, purge_run FROM daijobu_purge;
