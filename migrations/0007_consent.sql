-- Consent per viewer, worded: who may see what was agreed, by which exact words, and what stays hidden from whom.
--
-- A line of consent names its viewer (C2: one employer), the words that were read (SHA-256 of a text kept in
-- consent_text), and how it came (page, paper, leader). The two shields of a person, "do not show my answer to my
-- employer" and "protected", stand on the person's own row; whether an organisation may see an answer is asked of one
-- function, so that no page of an employer ever reads consents or shields. Besides: needs (special-care data, the kind
-- inside the encrypted value), a link for the family, and disclosures in an emergency (break-glass).

ALTER TABLE consent
    ADD COLUMN viewer_org  uuid REFERENCES organisation,
    ADD COLUMN incident_id uuid,
    ADD COLUMN text_sha256 bytea CHECK (length(text_sha256) = 32),
    ADD COLUMN channel     text NOT NULL DEFAULT 'page' CHECK (channel IN ('page', 'paper', 'leader', 'upload'));
UPDATE consent SET channel = 'upload' WHERE basis = 'invitation';

-- Every wording that anybody agreed to, word for word; filled from the wording files by hash, never changed.
CREATE TABLE consent_text (
    sha256         bytea PRIMARY KEY CHECK (length(sha256) = 32),
    scope          text NOT NULL CHECK (scope IN ('C1', 'C2', 'C3', 'C4', 'C5', 'C6')),
    version        text NOT NULL,
    language       text NOT NULL,
    body           text NOT NULL,
    first_kept_at  timestamptz NOT NULL
);
CREATE TRIGGER consent_text_unchanged BEFORE UPDATE OR DELETE ON consent_text
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- hide_answer: no organisation sees an answer, OK or help. protected: no address or location to anybody (stalking,
-- violence). paused_until: no alerts through this day (NULL with state 'paused': until the person says so).
-- ask_stay_at: an organisation's membership ended; the person is to be asked "keep alerts? where do you live now?".
ALTER TABLE resident
    ADD COLUMN hide_answer  boolean NOT NULL DEFAULT false,
    ADD COLUMN protected    boolean NOT NULL DEFAULT false,
    ADD COLUMN paused_until date,
    ADD COLUMN ask_stay_at  timestamptz;
CREATE INDEX resident_paused ON resident (paused_until) WHERE paused_until IS NOT NULL;

-- Whether an organisation may see a person's answers: never when hidden; else the newest C2 line for this
-- organisation. A line without viewer stands for the organisations the person was with when they said it; one that
-- takes back stands for all. Who was only invited has not been asked yet (registry/consent.py says the same, a test
-- compares). An unknown person shares nothing.
CREATE FUNCTION answer_shared(person uuid, org uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT NOT r.hide_answer AND coalesce(
            (SELECT c.given FROM consent c
             WHERE c.resident_id = r.id AND c.scope = 'C2'
               AND (c.viewer_org = org OR (c.viewer_org IS NULL AND (NOT c.given OR c.at >= m.created_at)))
             ORDER BY c.id DESC LIMIT 1),
            r.state = 'invited')
        FROM resident r LEFT JOIN membership m ON m.resident_id = r.id AND m.org_id = org
        WHERE r.id = person), false)
$$;

-- A coordinator learns of stalking or violence. Only this one column, only this way round, only people whom they see
-- (of open incidents): the person alone can end it.
CREATE FUNCTION protect_person(person uuid) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    changed int;
BEGIN
    UPDATE resident r SET protected = true WHERE r.id = person AND EXISTS (
        SELECT FROM case_file c JOIN incident i ON i.id = c.incident_id AND i.closed_at IS NULL
        WHERE c.resident_id = r.id AND c.closed_at IS NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;

-- They run as the worker, which may read everybody's rows, whoever asks.
GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION answer_shared(uuid, uuid) OWNER TO daijobu_worker;
ALTER FUNCTION protect_person(uuid) OWNER TO daijobu_worker;
REVOKE EXECUTE ON FUNCTION protect_person(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION protect_person(uuid) TO daijobu_follow, daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;

-- What a person needs (medicine, pregnant, wheelchair, ...): special-care data (要配慮個人情報), only with C4. The kind
-- is part of the encrypted value: "pregnant" in a readable column would be the secret itself.
CREATE TABLE resident_need (
    id           uuid PRIMARY KEY,
    resident_id  uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    need_enc     bytea NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX resident_need_resident ON resident_need (resident_id);

-- "Send to my family": a page with this person's state only. The token is made again from the id; of it only the hash.
CREATE TABLE family_link (
    id            uuid PRIMARY KEY,
    resident_id   uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    token_sha256  bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);
CREATE UNIQUE INDEX family_link_live ON family_link (resident_id) WHERE revoked_at IS NULL;

-- A family's link stands for the person who sent it, as a check-in link does (see 0002).
CREATE OR REPLACE FUNCTION link_people(token bytea) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT array_agg(DISTINCT person) FROM (
        SELECT l.resident_id AS person FROM link l WHERE l.token_sha256 = token AND l.resident_id IS NOT NULL
        UNION ALL
        SELECT m.resident_id FROM link l JOIN membership m ON m.ended_at IS NULL AND l.site_id IN (m.dorm_id, m.workplace_id)
        WHERE l.token_sha256 = token AND l.kind = 'leader'
        UNION ALL
        SELECT f.resident_id FROM family_link f WHERE f.token_sha256 = token AND f.revoked_at IS NULL
    ) AS everyone
$$;

-- Disclosure in an emergency (緊急時の開示): purpose, recipient, fields, a town or one person, two people, 72 hours.
CREATE TABLE break_glass (
    id            uuid PRIMARY KEY,
    purpose       text NOT NULL CHECK (purpose <> ''),
    recipient     text NOT NULL CHECK (recipient <> ''),
    fields        text[] NOT NULL CHECK (cardinality(fields) > 0),
    municipality  text,
    resident_id   uuid REFERENCES resident ON DELETE CASCADE,
    org_id        uuid NOT NULL REFERENCES organisation,
    opened_by     uuid NOT NULL REFERENCES staff,
    approved_by   uuid NOT NULL REFERENCES staff,
    opened_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    ended_at      timestamptz,
    CHECK (opened_by <> approved_by),
    CHECK ((municipality IS NULL) <> (resident_id IS NULL)),
    CHECK (ends_at <= opened_at + interval '72 hours')
);
CREATE INDEX break_glass_open ON break_glass (ends_at) WHERE ended_at IS NULL;

-- Whose data a disclosure has shown, so that they are told on their own page.
CREATE TABLE break_glass_person (
    break_glass_id  uuid NOT NULL REFERENCES break_glass ON DELETE CASCADE,
    resident_id     uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    first_shown_at  timestamptz NOT NULL,
    read_at         timestamptz,
    PRIMARY KEY (break_glass_id, resident_id)
);
CREATE INDEX break_glass_person_resident ON break_glass_person (resident_id);

-- "Who looked": the rows of the audit log about one person.
CREATE INDEX audit_subjects ON audit USING gin (subjects);

-- Access:
-- consent: person select/insert own rows; worker all; web insert only (an organisation's invitation), no select.
-- consent_text: person, web, worker select/insert; nobody changes.
-- resident.hide_answer, resident.protected: person select/update own; follow select/update protected; web: no column
--   privilege needed (it asks answer_shared()).
-- answer_shared(person, org): SECURITY DEFINER as the worker; execute for web, person (leader page), worker, operator,
--   follow. It shares nothing if it cannot read the person.
-- resident_need: person all on own rows; follow select (people of open incidents with C4); worker all; web none.
-- family_link: person all on own rows (GET /f/{token} too: link_people() above knows its token); worker all; web none.
-- break_glass: follow select/insert/update; person select rows that name them through break_glass_person; worker all.
-- break_glass_person: follow select/insert; person select/update(read_at) own rows; worker all; web none.
-- audit: person select rows with subjects && app.people (own page, "who looked"), with organisation.name, kind.
