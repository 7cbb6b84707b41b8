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

-- Access: audit: insert for every role (web, follow, operator, person, door, worker, auditor); select: web (rows about people
--         in scope, for "who looked"), person (own subjects), auditor all, worker all, purge all; delete: purge only.
--         No policy may narrow what `auditor` and `worker` see: a hidden row would look like a removed one.
-- Access: audit_unsealed: worker select, delete; auditor select; nobody else (rows come by the trigger, as its owner).
-- Access: audit_seal: worker select, insert; auditor select; purge select, delete.
-- Access: audit_key: worker select, insert; auditor select; purge select.
-- Access: audit_head: worker select, insert, delete; auditor select; purge select, delete.
-- Access: audit_dropped: worker and auditor select; purge select, insert.
-- Access: audit_report: auditor select and insert own org (org_id); worker select.
-- Access: ops_alarm: worker select, insert; operator select all; follow and web select own org_id; auditor select.
-- Access: a transaction of the role AUDITOR (pages /audit) needs a database role of its own, here called `auditor`: besides the above
--         select on report, event, incident, incident_event, alert (all rows: process and counts), staff (id, role only: no
--         names), organisation; no resident, contact, place, message, check_in or case table at all.
