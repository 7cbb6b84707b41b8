-- How staff prove who they are. A password alone opens a half session: whoever may see people, and the operator, also
-- needs a code of an authenticator app or a passkey (OWASP ASVS 5.0, 6.3.3), proved again before what cannot be taken
-- back. Printed codes and colleagues help those who have lost theirs; acts of great reach need two people; a volunteer
-- at the door of a shelter joins by a group leader's QR code.

-- second_factor_at: when this session last proved the second factor; NULL: half a session. Sessions from before are half.
ALTER TABLE session
    ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),  -- names the session on its owner's page, opens nothing
    ADD COLUMN how text NOT NULL DEFAULT '',
    ADD COLUMN second_factor_at timestamptz,
    ADD COLUMN browser text NOT NULL DEFAULT '',
    ADD COLUMN system text NOT NULL DEFAULT '';

-- Passwords are optional for who joined with a passkey; `email` is the name one signs in with: an e-mail address or, for
-- volunteers, a nickname. Several operators may wait for their first sign-in with no address yet.
DROP INDEX staff_email;
CREATE UNIQUE INDEX staff_email ON staff (lower(email)) WHERE disabled_at IS NULL AND email <> '';

-- An authenticator app: the secret is encrypted by the application; last_step is the newest 30-second step whose code
-- was taken, so that no code works twice. A new secret waits in pending_enc until its first code proves it.
CREATE TABLE totp (
    staff_id      uuid PRIMARY KEY REFERENCES staff,
    secret_enc    bytea,
    pending_enc   bytea,
    last_step     bigint NOT NULL DEFAULT 0,
    confirmed_at  timestamptz,
    CHECK ((secret_enc IS NULL) = (confirmed_at IS NULL))
);

CREATE TABLE passkey (
    id             uuid PRIMARY KEY,
    staff_id       uuid NOT NULL REFERENCES staff,
    credential_id  bytea NOT NULL UNIQUE,
    public_key     bytea NOT NULL,
    sign_count     bigint NOT NULL CHECK (sign_count >= 0),
    name           text NOT NULL,
    created_at     timestamptz NOT NULL,
    last_used_at   timestamptz
);
CREATE INDEX passkey_staff ON passkey (staff_id);

-- A challenge is signed, not stored; one that was answered is remembered until it would have expired anyway.
CREATE TABLE passkey_challenge_used (
    challenge_sha256  bytea PRIMARY KEY,
    expires_at        timestamptz NOT NULL
);

-- Printed codes for the day the phone is lost: argon2id of each; `slot` is the code's first character.
CREATE TABLE recovery_code (
    staff_id    uuid NOT NULL REFERENCES staff,
    slot        smallint NOT NULL CHECK (slot BETWEEN 0 AND 9),
    code_hash   text NOT NULL,
    created_at  timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (staff_id, slot)
);

-- Somebody else took a person's second factor away (lost phone): the person is told when they sign in.
CREATE TABLE staff_recovery (
    staff_id    uuid NOT NULL REFERENCES staff,
    at          timestamptz NOT NULL,
    by_staff    uuid NOT NULL REFERENCES staff,
    by_name     text NOT NULL,
    PRIMARY KEY (staff_id, at)
);

-- A form that asked for the second factor again: kept, encrypted, until it is proved, so that nothing typed is lost.
CREATE TABLE held_form (
    id          uuid PRIMARY KEY,
    staff_id    uuid NOT NULL REFERENCES staff,
    path        text NOT NULL,
    fields_enc  bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX held_form_staff ON held_form (staff_id);

-- What one person proposes and another must approve. The maker can never be the one who approves. payload carries no
-- personal data: the approver reads it.
CREATE TABLE approval (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('rule_edit', 'manual_send', 'break_glass')),
    payload      jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('proposed', 'approved', 'refused', 'taken')),
    made_by      uuid NOT NULL REFERENCES staff,
    made_by_name text NOT NULL,  -- name and organisation: the approver need not be allowed to see the maker's row
    made_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    decided_by   uuid REFERENCES staff,
    decided_at   timestamptz,
    taken_at     timestamptz,
    CHECK (state NOT IN ('approved', 'taken') OR decided_by <> made_by),
    CHECK ((state = 'proposed') = (decided_by IS NULL)),
    CHECK ((state = 'taken') = (taken_at IS NOT NULL))
);
CREATE INDEX approval_open ON approval (expires_at) WHERE state = 'proposed';

-- A group leader's QR code: whoever scans it becomes a volunteer of this network, a few times and for a short while.
CREATE TABLE volunteer_pass (
    id            uuid PRIMARY KEY,
    token_sha256  bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    token_enc     bytea NOT NULL,  -- so that the leader's page can show the same code again
    org_id        uuid NOT NULL REFERENCES organisation,
    created_by    uuid NOT NULL REFERENCES staff,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    uses_left     int NOT NULL CHECK (uses_left >= 0),
    revoked_at    timestamptz
);
CREATE INDEX volunteer_pass_org ON volunteer_pass (org_id);
ALTER TABLE staff ADD COLUMN volunteer_pass_id uuid REFERENCES volunteer_pass;

-- Whoever ends an account ends its leadership of dorms as well; the operator may see and end only rows of staff.
GRANT SELECT, DELETE ON site_leader TO daijobu_operator;
CREATE POLICY of_staff ON site_leader TO daijobu_operator USING (staff_id IS NOT NULL);

-- Access:
-- totp, passkey, recovery_code, passkey_challenge_used, held_form, staff_recovery: rows of staff, no resident; door, web,
--   follow and operator select/insert/update/delete (a person signing in is nobody yet: door; colleagues' and supervised
--   employers' rows are deleted by recovery: web, follow, operator); worker all; purge delete.
-- session, staff, staff_link: as before, and: web/follow/operator update session (revoke) and staff of their own
--   organisation and of supervised employers; operator of every organisation; door insert staff (volunteers joining).
-- approval: follow, operator, web select/insert/update all rows (decided by role in registry/approvals.py); worker all.
-- volunteer_pass: follow own org select/insert/update; door select/update (uses_left); worker all; purge delete.
