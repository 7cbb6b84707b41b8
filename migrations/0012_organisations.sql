-- Organisations of every kind: who stands above whom, who acts for whom, who is on duty, and what those see who see no names.
--
-- An employer belongs to at most one supervising organisation (監理団体): two would both upload the same list and neither
-- would know who answers for it. Totals for an umbrella come from functions that run as the worker and return counts
-- only, so that no page of an umbrella can ever read a person's row. A person joins a partner (sending organisation, NPO)
-- by their own hand only: by its poster, or on their own page through a function that knows no other kind of organisation.

CREATE UNIQUE INDEX org_supervised_once ON org_relation (other_id) WHERE kind = 'supervises';

-- The workplace is somebody's home: its name and address are shown to nobody who need not go there.
ALTER TABLE membership ADD COLUMN household boolean NOT NULL DEFAULT false;

-- Who acts for whom on which days (in Japan, both included): the deputy gets duties and messages of the absent person.
CREATE TABLE deputy (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES organisation,
    staff_id    uuid NOT NULL REFERENCES staff,
    deputy_id   uuid NOT NULL REFERENCES staff,
    from_day    date NOT NULL,
    until_day   date NOT NULL,
    created_by  uuid REFERENCES staff,
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    CHECK (staff_id <> deputy_id),
    CHECK (until_day >= from_day AND until_day <= from_day + 365)
);
CREATE INDEX deputy_org ON deputy (org_id, until_day) WHERE revoked_at IS NULL;
CREATE INDEX deputy_deputy ON deputy (deputy_id) WHERE revoked_at IS NULL;

-- "Who is on duty tonight": times at which a member of staff is to be told first.
CREATE TABLE duty (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES organisation,
    staff_id    uuid NOT NULL REFERENCES staff,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    created_by  uuid REFERENCES staff,
    created_at  timestamptz NOT NULL,
    removed_at  timestamptz,
    CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '31 days')
);
CREATE INDEX duty_org ON duty (org_id, ends_at) WHERE removed_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['deputy', 'duty'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY own ON %I TO daijobu_web, daijobu_follow USING (org_id = ANY ((SELECT app_orgs())::uuid[]))', name);
    END LOOP;
END
$$;
-- At the door a session is found with what its holder may do today.
CREATE POLICY door ON deputy FOR SELECT TO daijobu_door USING (true);
GRANT SELECT, INSERT, UPDATE ON deputy, duty TO daijobu_web, daijobu_follow;
GRANT SELECT ON deputy TO daijobu_door;
GRANT SELECT, DELETE ON deputy, duty TO daijobu_purge;
GRANT DELETE ON org_relation TO daijobu_operator;

-- ---------------------------------------------------------------- questions across organisations

-- Everything below the umbrellas of this request, at any depth: their organisations, what those supervise, their groups.
CREATE FUNCTION below_umbrella() RETURNS TABLE (org_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE below AS (
        SELECT r.other_id AS id FROM org_relation r JOIN organisation u ON u.id = r.org_id AND u.kind = 'umbrella'
        WHERE r.kind = 'umbrella' AND r.org_id = ANY (app_orgs())
        UNION
        SELECT r.other_id FROM below b JOIN org_relation r ON r.org_id = b.id
    )
    SELECT o.id FROM below b JOIN organisation o ON o.id = b.id AND o.closed_at IS NULL
$$;

-- The incidents in which anybody below was told. An incident that one person's private call for help has opened would
-- tell of that person.
CREATE FUNCTION umbrella_incidents() RETURNS TABLE (incident_id uuid) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.id FROM incident i
    WHERE i.purpose <> 'canary' AND i.hazard <> 'help' AND EXISTS (
        SELECT FROM incident_resident ir JOIN membership m ON m.resident_id = ir.resident_id AND m.ended_at IS NULL
        WHERE ir.incident_id = i.id AND m.org_id IN (SELECT b.org_id FROM below_umbrella() b))
    ORDER BY i.closed_at IS NOT NULL, i.purpose <> 'live', i.opened_at DESC LIMIT 20
$$;

-- Per organisation below: its people (`told` false: not told in this incident) by the facts that decide their state, as
-- the organisation itself may know them. Counts only.
CREATE FUNCTION umbrella_totals(incident uuid, today date) RETURNS TABLE (
    org_id uuid, told boolean, asked boolean, reachable boolean, status text, before_ask boolean, shared boolean,
    answered boolean, enrolled boolean, help_open boolean, people bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.org_id, ir.resident_id IS NOT NULL, coalesce(ir.asked_at IS NOT NULL, false),
           coalesce(ir.reachable AND (NOT s.shared OR c.reason IS DISTINCT FROM 'unreachable'), true),
           CASE WHEN s.shared THEN ir.status END, s.shared AND coalesce(ir.status_at < ir.asked_at, false), s.shared,
           quiet.at IS NOT NULL, r.state <> 'invited',
           s.shared AND ir.resident_id IS NOT NULL AND coalesce(c.reason = 'needs_help', false), count(*)
    FROM membership m
    JOIN resident r ON r.id = m.resident_id AND r.state <> 'left'
    JOIN incident i ON i.id = incident
    LEFT JOIN incident_resident ir ON ir.incident_id = i.id AND ir.resident_id = r.id
    CROSS JOIN LATERAL (SELECT answer_shared(r.id, m.org_id) AS shared) s
    LEFT JOIN LATERAL (SELECT min(k.received_at) AS at FROM check_in k
                       WHERE NOT s.shared AND k.incident_id = ir.incident_id AND k.resident_id = ir.resident_id
                         AND k.answered_by <> 'coordinator' AND k.received_at >= coalesce(ir.asked_at, ir.told_at)
                         AND (i.closed_at IS NULL OR k.received_at <= i.closed_at)) quiet ON true
    LEFT JOIN case_file c ON c.resident_id = r.id AND c.purpose = ir.purpose AND c.closed_at IS NULL
    WHERE m.org_id IN (SELECT b.org_id FROM below_umbrella() b) AND m.ended_at IS NULL
      AND (m.end_date IS NULL OR m.end_date >= today)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
$$;

-- A person joins or leaves a partner on their own page. Whoever is shown in open incidents follows at once.
CREATE FUNCTION join_partner(person uuid, org uuid, at timestamptz) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT person = ANY (coalesce(app_people(), '{}')) OR NOT EXISTS (
            SELECT FROM organisation o WHERE o.id = org AND o.kind = 'partner' AND o.closed_at IS NULL) THEN
        RETURN 0;
    END IF;
    INSERT INTO membership (resident_id, org_id, created_at) VALUES (person, org, at)
        ON CONFLICT (resident_id, org_id) DO UPDATE SET created_at = at, ended_at = NULL, end_date = NULL
        WHERE membership.ended_at IS NOT NULL;
    UPDATE resident SET orgs = array_append(orgs, org) WHERE id = person AND NOT org = ANY (orgs);
    UPDATE incident_resident ir SET orgs = array_append(ir.orgs, org) FROM incident i
        WHERE i.id = ir.incident_id AND i.closed_at IS NULL AND ir.resident_id = person AND NOT org = ANY (ir.orgs);
    RETURN 1;
END
$$;
CREATE FUNCTION leave_partner(person uuid, org uuid, at timestamptz) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed int;
BEGIN
    UPDATE membership m SET ended_at = at FROM organisation o
        WHERE o.id = org AND o.kind = 'partner' AND m.org_id = org AND m.resident_id = person AND m.ended_at IS NULL
          AND person = ANY (coalesce(app_people(), '{}'));
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed = 1 THEN
        PERFORM leave_org(person, org);
    END IF;
    RETURN changed;
END
$$;

GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION below_umbrella() OWNER TO daijobu_worker;
ALTER FUNCTION umbrella_incidents() OWNER TO daijobu_worker;
ALTER FUNCTION umbrella_totals(uuid, date) OWNER TO daijobu_worker;
ALTER FUNCTION join_partner(uuid, uuid, timestamptz) OWNER TO daijobu_worker;
ALTER FUNCTION leave_partner(uuid, uuid, timestamptz) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION below_umbrella(), umbrella_incidents(), umbrella_totals(uuid, date),
    join_partner(uuid, uuid, timestamptz), leave_partner(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION below_umbrella(), umbrella_incidents(), umbrella_totals(uuid, date) TO daijobu_web, daijobu_worker;
GRANT EXECUTE ON FUNCTION join_partner(uuid, uuid, timestamptz), leave_partner(uuid, uuid, timestamptz) TO daijobu_person, daijobu_worker;

-- Access: deputy, duty: web and follow select/insert/update own organisations' rows; deputy: door select; worker all;
--         purge select/delete.
-- Access: umbrella_*(): web; they answer for the umbrellas among app.orgs only, and return counts.
-- Access: join_partner(), leave_partner(): person, for the people of the link only and partners only.
