-- The audit log, chained and signed (docs/audit.md), so that a row that was changed, removed, slipped in or moved is found by
-- anybody who has the rows and the public key, also by somebody who does not trust whoever runs the database.
--
-- Rows are chained afterwards by one sealer: readers of personal data never wait for each other. Identity values are taken
-- before a transaction commits, so a row with a lower id may appear after one with a higher id was sealed; "everything up to
-- id n" is therefore never a safe question. Instead each row puts itself into audit_unsealed in its own transaction, and the
-- sealer takes what it finds there: a row waits there from the moment it can be seen until its seal is committed, however
-- late that is. (Transaction ids would do as well, but not after a dump is restored into another cluster, whose ids begin anew.)
CREATE TABLE audit_unsealed (
    audit_id  bigint PRIMARY KEY
);
INSERT INTO audit_unsealed (audit_id) SELECT id FROM audit;

-- SECURITY DEFINER: whoever may write an audit row need not (and cannot) touch the queue of the sealer.
CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_unsealed (audit_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_waits AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_waits();

-- hash = SHA-256(hash of seq - 1 || canonical form of the row); seq counts every row ever sealed, from 1, without gaps.
CREATE TABLE audit_seal (
    seq       bigint PRIMARY KEY CHECK (seq > 0),
    audit_id  bigint NOT NULL UNIQUE,
    hash      bytea NOT NULL CHECK (length(hash) = 32)
);

-- Public keys (Ed25519) that have signed heads here. The private key is a file or a setting, never in the database.
CREATE TABLE audit_key (
    id          text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{16}$'),
    public_key  bytea NOT NULL CHECK (length(public_key) = 32),
    since       timestamptz NOT NULL
);

-- The signed end of the chain, one per day (UTC); today's moves with every block. It cannot be forged without the key, so
-- a chain that ends before its head was cut, and one that does not lead to it was rewritten.
CREATE TABLE audit_head (
    seq        bigint PRIMARY KEY,
    day        date NOT NULL,
    audit_id   bigint NOT NULL,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    at         timestamptz NOT NULL,
    key_id     text NOT NULL REFERENCES audit_key,
    signature  bytea NOT NULL CHECK (length(signature) = 64)
);

-- Up to which signed head rows were removed because their time was over (3 years): verification starts from that head.
CREATE TABLE audit_dropped (
    seq         bigint PRIMARY KEY,
    dropped_at  timestamptz NOT NULL,
    rows        bigint NOT NULL CHECK (rows > 0)
);

-- Still append-only; only rows below a checkpoint that was written down may go.
DROP TRIGGER audit_append_only ON audit;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_early_drop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM audit_seal s JOIN audit_dropped d ON s.seq <= d.seq WHERE s.audit_id = OLD.id) THEN
        RAISE EXCEPTION 'audit is append-only: DELETE refused, row % is below no checkpoint', OLD.id;
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER audit_no_early_drop BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_early_drop();

-- What an auditor has seen and signed off. `document` is the exact text that was signed; it holds no personal data but the
-- auditor's own name.
CREATE TABLE audit_report (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES organisation,
    staff_id     uuid NOT NULL REFERENCES staff,
    period_from  timestamptz NOT NULL,
    period_to    timestamptz NOT NULL,
    made_at      timestamptz NOT NULL,
    document     text NOT NULL,
    key_id       text NOT NULL REFERENCES audit_key,
    signature    bytea NOT NULL CHECK (length(signature) = 64),
    CHECK (period_from < period_to)
);
CREATE INDEX audit_report_org ON audit_report (org_id, made_at);
CREATE TRIGGER audit_report_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_report
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Something about people's behaviour that an operator and the organisation concerned must look at: so far, one member of
-- staff who opened very many telephone numbers in a short time.
CREATE TABLE ops_alarm (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL CHECK (kind IN ('reveals')),
    at        timestamptz NOT NULL,
    staff_id  uuid NOT NULL REFERENCES staff,
    org_id    uuid NOT NULL REFERENCES organisation,
    number    int NOT NULL
);
CREATE INDEX ops_alarm_at ON ops_alarm (at);
-- Reveals of the last minutes, per member of staff; and what the auditor's pages count and sample by month.
CREATE INDEX audit_reveal ON audit (at) WHERE action = 'board.reveal';

-- ---------------------------------------------------------------- who may touch which rows (see 0002)

-- The auditor's pages run under a role of their own: the whole log, what was decided, and nothing about people. It may be
-- there already: roles belong to the server.
DO $$
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'daijobu_auditor') THEN
            CREATE ROLE daijobu_auditor NOLOGIN NOINHERIT;
        END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
        EXECUTE format('GRANT daijobu_auditor TO %I', current_user);
    EXCEPTION
        WHEN unique_violation THEN NULL;
    END;
END
$$;
GRANT USAGE ON SCHEMA public TO daijobu_auditor;
GRANT SELECT ON deployment, organisation, report, event, incident, incident_event, alert TO daijobu_auditor;
GRANT SELECT (id, role) ON staff TO daijobu_auditor;
GRANT SELECT, INSERT ON audit TO daijobu_auditor;
GRANT SELECT ON audit_unsealed, audit_seal, audit_key, audit_head, audit_dropped TO daijobu_auditor;
GRANT SELECT, INSERT ON audit_report TO daijobu_auditor;
-- No policy may narrow what the auditor and the sealer see: a hidden row would look like a removed one.
CREATE POLICY auditor ON audit FOR SELECT TO daijobu_auditor USING (true);
CREATE POLICY auditor ON staff FOR SELECT TO daijobu_auditor USING (true);

ALTER TABLE audit_report ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON audit_report FOR SELECT TO daijobu_worker, daijobu_purge USING (true);
CREATE POLICY own ON audit_report TO daijobu_auditor USING (org_id = ANY ((SELECT app_orgs())::uuid[]));

REVOKE ALL ON audit_unsealed, audit_seal, audit_key, audit_head, audit_dropped, audit_report
    FROM daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door, daijobu_purge, daijobu_worker;
GRANT SELECT, DELETE ON audit_unsealed TO daijobu_worker;
GRANT SELECT, INSERT ON audit_seal, audit_key TO daijobu_worker;
GRANT SELECT, INSERT, DELETE ON audit_head TO daijobu_worker;
GRANT SELECT ON audit_dropped, audit_report TO daijobu_worker;
GRANT SELECT, DELETE ON audit, audit_seal, audit_head TO daijobu_purge;
GRANT SELECT, INSERT ON audit_dropped TO daijobu_purge;

-- A network's coordinators answer for the volunteers of its member groups too (their own: 0011).
CREATE POLICY of_members ON ops_alarm FOR SELECT TO daijobu_follow USING (EXISTS (
    SELECT FROM org_relation r WHERE r.other_id = ops_alarm.org_id AND r.kind = 'member'
                                 AND r.org_id = ANY ((SELECT app_orgs())::uuid[])));

-- Access: audit: insert for every role; select: person (own subjects), auditor, worker, purge all; delete: purge only.
-- Access: ops_alarm: worker select, insert; operator select all; follow select own org_id and member groups of it (org_relation
--         kind 'member'); purge select, delete. All else this file makes is granted above.
