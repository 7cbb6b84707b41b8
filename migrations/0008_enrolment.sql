-- How people enrol: what a half-done enrolment has collected, posters for walking in, who is away until when, short
-- stays, and the question whether two registrations are one person. A draft is kept on the server because the phone may
-- lose its connection after every step; it is one encrypted value, because it holds a phone number before anybody agreed
-- to anything. Two registrations are joined by the tend loop and never by a page: a page sees only its own person, so
-- neither its answer nor its timing can tell an organisation that somebody is known elsewhere.

CREATE TABLE enrolment_draft (
    resident_id  uuid PRIMARY KEY REFERENCES resident ON DELETE CASCADE,
    data_enc     bytea NOT NULL,
    updated_at   timestamptz NOT NULL
);

-- reach_by: who tells somebody without any device: the dorm's leader, or a helper with paper. stay_until: a short stay
-- ends by itself after this day (in Japan).
ALTER TABLE resident
    ADD COLUMN reach_by text NOT NULL DEFAULT '' CHECK (reach_by IN ('', 'leader', 'paper')),
    ADD COLUMN stay_until date;
CREATE INDEX resident_stay ON resident (stay_until) WHERE stay_until IS NOT NULL AND state <> 'left';

-- Where somebody is not. said_by 'self' counts; what an organisation proposes is shown, and counts once the person
-- confirms it. until: the last day away.
CREATE TABLE absence (
    resident_id  uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    said_by      text NOT NULL CHECK (said_by IN ('self', 'employer')),
    kind         text NOT NULL CHECK (kind IN ('away', 'home_leave')),
    until        date NOT NULL,
    org_id       uuid REFERENCES organisation,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (resident_id, said_by),
    CHECK ((said_by = 'employer') = (org_id IS NOT NULL))
);
CREATE INDEX absence_until ON absence (until);

-- A community group's poster: whoever scans it may register with the group.
CREATE TABLE poster (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES organisation,
    token_sha256  bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    label         text NOT NULL,
    created_by    uuid REFERENCES staff,
    created_at    timestamptz NOT NULL,
    ended_at      timestamptz
);
CREATE INDEX poster_org ON poster (org_id);

-- Who walked in lately: a second tap makes no second person, and one address cannot fill a group with nobodies.
-- address_bidx is a keyed fingerprint of the network address; rows go after a day.
CREATE TABLE walk_in (
    poster_id     uuid NOT NULL REFERENCES poster ON DELETE CASCADE,
    nonce         text NOT NULL,
    resident_id   uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    address_bidx  bytea NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (poster_id, nonce)
);
CREATE INDEX walk_in_address ON walk_in (address_bidx, at);

-- "Is this you?": asked of resident_id, who proved the way to their own page. other_id is what the tend loop found by a
-- shared number; other_sha256 is the hash of another personal link the person gave. moved: what a join moved, for undo.
CREATE TABLE same_person (
    id            uuid PRIMARY KEY,
    resident_id   uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    other_id      uuid REFERENCES resident ON DELETE CASCADE,
    other_sha256  bytea CHECK (length(other_sha256) = 32),
    state         text NOT NULL CHECK (state IN ('found', 'asked', 'wanted', 'refused', 'joined', 'undo', 'undone', 'unknown')),
    moved         jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL,
    decided_at    timestamptz,
    CHECK (other_id IS NOT NULL OR other_sha256 IS NOT NULL OR state = 'unknown')
);
CREATE UNIQUE INDEX same_person_pair ON same_person (least(resident_id, other_id), greatest(resident_id, other_id))
    WHERE other_id IS NOT NULL;
CREATE INDEX same_person_resident ON same_person (resident_id);
CREATE INDEX same_person_waiting ON same_person (state) WHERE state IN ('found', 'wanted', 'undo');

-- After a join both saved pages of the person open the one registration that stays.
ALTER TABLE link ADD COLUMN joined boolean NOT NULL DEFAULT false;
DROP INDEX link_personal;
CREATE UNIQUE INDEX link_personal ON link (resident_id) WHERE kind = 'personal' AND revoked_at IS NULL AND NOT joined;

-- New contacts and new enrolments are looked at for a shared number.
CREATE INDEX contact_created ON contact (created_at);
CREATE INDEX resident_enrolled ON resident (enrolled_at) WHERE enrolled_at IS NOT NULL;

-- Access: enrolment_draft: person own rows all verbs; door none; web none; worker select/delete; purge delete.
-- Access: absence: person own rows all verbs; web own people select, and insert/update/delete where said_by = 'employer';
--         follow select of people it may see; worker all; purge delete.
-- Access: poster: web own org select/insert/update; door select (GET and POST /w/{token}, by token_sha256); worker all.
-- Access: walk_in: web select/insert/delete (POST /w/{token} opens the poster as door, then takes the scope
--         daijobu_web of the poster's organisation); worker all; purge delete.
-- Access: same_person: person own rows (resident_id) select/insert/update; web, follow, operator none; worker all; purge delete.
