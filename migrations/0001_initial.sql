-- The first schema: reports -> events -> incidents -> alerts -> messages -> receipts, and beside them who is
-- registered, where they live and work, what they answered, and who must follow up.
--
-- Habits of this file: text + CHECK instead of enum types (an enum cannot lose a value later); ids of things people
-- point to are time-ordered UUIDs made in Python (PostgreSQL 15-17 has no uuidv7()), ids of log-like rows are
-- bigint identities; every time is timestamptz; `orgs uuid[]` stands on each row about a person, so that one GIN
-- index and one predicate answer "may this organisation see it" (measured: membership sub-selects cost five times more).
-- Tables that one alert fills by the hundred thousand (incident_resident, alert_resident, message, receipt) have no
-- foreign keys but the one to resident in incident_resident: what they point to is locked or made by the very
-- transaction that writes them, and checking it again row by row took three quarters of a fan-out's time (measured).

-- ---------------------------------------------------------------- the deployment itself

-- Small facts about this installation: region chosen by the operator, whether its people are fictional, VAPID public key.
CREATE TABLE deployment (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now()
);

-- Two pollers or deciders may be started; the holder of the lease works, the other stands by.
CREATE TABLE lease (
    name       text PRIMARY KEY,
    holder     text NOT NULL,
    until      timestamptz NOT NULL
);

-- Each loop says that it is alive; the status page compares with the database clock.
CREATE TABLE heartbeat (
    name       text PRIMARY KEY,
    at         timestamptz NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}'
);

-- ---------------------------------------------------------------- feeds

-- One document as received. Never changed, never dropped: it is the evidence for every decision.
CREATE TABLE report (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source       text NOT NULL,
    url          text UNIQUE,
    sha256       bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    received_at  timestamptz NOT NULL,
    body         bytea NOT NULL,
    type         text NOT NULL DEFAULT '',
    title        text NOT NULL DEFAULT '',
    status       text NOT NULL DEFAULT 'unknown' CHECK (status IN ('actual', 'exercise', 'test', 'unknown')),
    message_type text NOT NULL DEFAULT 'issue' CHECK (message_type IN ('issue', 'update', 'correct', 'cancel', 'lift')),
    reported_at  timestamptz,
    state        text NOT NULL CHECK (state IN ('parsed', 'ignored', 'unreadable')),
    reason       text
);
CREATE INDEX report_received ON report (received_at);

-- What a report says. `decided_at` NULL = the decide loop has not answered for it yet. A replay stores the same
-- report's events again under another purpose, hence purpose in the key.
CREATE TABLE event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id    bigint NOT NULL REFERENCES report,
    seq          int NOT NULL,
    source       text NOT NULL,
    type         text NOT NULL,
    hazard       text NOT NULL,
    status       text NOT NULL CHECK (status IN ('actual', 'exercise', 'test', 'unknown')),
    message_type text NOT NULL CHECK (message_type IN ('issue', 'update', 'correct', 'cancel', 'lift')),
    thread       text NOT NULL,
    event_ids    text[] NOT NULL DEFAULT '{}',
    issued_at    timestamptz NOT NULL,
    sent_at      timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    headline     text NOT NULL DEFAULT '',
    office       text NOT NULL DEFAULT '',
    purpose      text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    payload      jsonb NOT NULL,
    decided_at   timestamptz,
    outcome      text
);
-- A replay may run any number of times over the same report: each run shifts the times, so the issue time is part of the key.
CREATE UNIQUE INDEX event_once ON event (report_id, seq, purpose, issued_at);
CREATE INDEX event_undecided ON event (received_at) WHERE decided_at IS NULL;
CREATE INDEX event_thread ON event (purpose, thread, issued_at);

CREATE TABLE feed_state (
    feed               text PRIMARY KEY,
    etag               text,
    last_modified      text,
    body_sha256        bytea,
    last_heard_at      timestamptz,
    last_ok_at         timestamptz,
    newest_report_at   timestamptz,
    error              text,
    error_at           timestamptz,
    bytes_day          date,
    bytes_used         bigint NOT NULL DEFAULT 0,
    backoff_until      timestamptz,
    long_read_at       timestamptz
);

-- ---------------------------------------------------------------- organisations, sites, staff

CREATE TABLE organisation (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('employer', 'supervising', 'community', 'volunteer_network', 'partner',
                                              'school', 'auditor', 'operator')),
    language    text NOT NULL DEFAULT 'ja',
    created_at  timestamptz NOT NULL,
    closed_at   timestamptz
);

-- supervises: a 監理団体 over its employers. member: a group inside a volunteer network.
CREATE TABLE org_relation (
    org_id      uuid NOT NULL REFERENCES organisation,
    other_id    uuid NOT NULL REFERENCES organisation,
    kind        text NOT NULL CHECK (kind IN ('supervises', 'member')),
    PRIMARY KEY (org_id, other_id, kind),
    CHECK (org_id <> other_id)
);
CREATE INDEX org_relation_other ON org_relation (other_id);

-- A point in the world and what it lies in. lat/lon are the centre of its 250 m mesh (JIS X 0410), readable for
-- matching; the exact point and address of a home are encrypted by the application.
CREATE TABLE place (
    id           uuid PRIMARY KEY,
    label        text NOT NULL DEFAULT '',
    postal_code  text NOT NULL DEFAULT '',
    lat          double precision CHECK (lat BETWEEN -90 AND 90),
    lon          double precision CHECK (lon BETWEEN -180 AND 180),
    precision    text NOT NULL CHECK (precision IN ('exact', 'street', 'town', 'postal', 'municipality', 'unknown')),
    point_enc    bytea,
    address_enc  bytea,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- One row per (scheme, code) a place lies in: the index that turns a telegram into people.
CREATE TABLE place_area (
    scheme    text NOT NULL,
    code      text NOT NULL,
    place_id  uuid NOT NULL REFERENCES place ON DELETE CASCADE,
    PRIMARY KEY (scheme, code, place_id)
);
CREATE INDEX place_area_place ON place_area (place_id);

-- A workplace or a dorm. A dorm is one unit for calls and visits.
CREATE TABLE site (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES organisation,
    kind         text NOT NULL CHECK (kind IN ('workplace', 'dorm')),
    name         text NOT NULL,
    place_id     uuid REFERENCES place,
    shift        text NOT NULL DEFAULT '',
    landline_enc bytea,
    created_at   timestamptz NOT NULL,
    UNIQUE (org_id, kind, name)
);

CREATE TABLE staff (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES organisation,
    role          text NOT NULL CHECK (role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer')),
    name          text NOT NULL,
    email         text NOT NULL,
    language      text NOT NULL DEFAULT 'ja',
    password_hash text,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    last_seen_at  timestamptz
);
CREATE UNIQUE INDEX staff_email ON staff (lower(email)) WHERE disabled_at IS NULL;
CREATE INDEX staff_org ON staff (org_id);

-- Server-side sessions: the cookie holds a random id, this table only its hash.
CREATE TABLE session (
    id_sha256     bytea PRIMARY KEY CHECK (length(id_sha256) = 32),
    staff_id      uuid NOT NULL REFERENCES staff,
    created_at    timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz
);
CREATE INDEX session_staff ON session (staff_id);

-- One-time links: sign in once (first operator, demo), or accept an invitation and set a password.
CREATE TABLE staff_link (
    token_sha256  bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    kind          text NOT NULL CHECK (kind IN ('sign_in', 'invitation')),
    org_id        uuid NOT NULL REFERENCES organisation,
    role          text NOT NULL CHECK (role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer')),
    staff_id      uuid REFERENCES staff,
    email         text NOT NULL DEFAULT '',
    name          text NOT NULL DEFAULT '',
    created_by    uuid REFERENCES staff,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz
);

-- Failed sign-ins per account and per address: the delay grows, the row is forgotten by the purge.
CREATE TABLE signin_failure (
    key         text PRIMARY KEY,
    failures    int NOT NULL,
    last_at     timestamptz NOT NULL
);

-- When somebody of an organisation last opened its dashboard for an incident ("unopened first").
CREATE TABLE dashboard_opened (
    org_id       uuid NOT NULL REFERENCES organisation,
    incident_id  uuid NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, incident_id)
);

-- ---------------------------------------------------------------- residents

-- A person who asked or was invited to be told. `orgs` repeats the organisations of the live memberships, for access.
CREATE TABLE resident (
    id               uuid PRIMARY KEY,
    orgs             uuid[] NOT NULL DEFAULT '{}',
    name             text NOT NULL,
    language         text NOT NULL,
    second_language  text,
    state            text NOT NULL CHECK (state IN ('invited', 'enrolled', 'paused', 'left')),
    simulated        boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL,
    enrolled_at      timestamptz,
    left_at          timestamptz
);
CREATE INDEX resident_orgs ON resident USING gin (orgs);

CREATE TABLE membership (
    resident_id   uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    org_id        uuid NOT NULL REFERENCES organisation,
    employee_id   text NOT NULL DEFAULT '',
    workplace_id  uuid REFERENCES site,
    dorm_id       uuid REFERENCES site,
    room          text NOT NULL DEFAULT '',
    shift         text NOT NULL DEFAULT '',
    start_date    date,
    end_date      date,
    created_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    PRIMARY KEY (resident_id, org_id)
);
-- The employee number is an organisation's key to its own people: an upload with it updates instead of doubling.
CREATE UNIQUE INDEX membership_employee ON membership (org_id, employee_id) WHERE employee_id <> '' AND ended_at IS NULL;
CREATE INDEX membership_dorm ON membership (dorm_id) WHERE ended_at IS NULL;
CREATE INDEX membership_org ON membership (org_id) WHERE ended_at IS NULL;

-- Home and work. Several people share the place of one site.
CREATE TABLE resident_place (
    resident_id  uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('home', 'work')),
    place_id     uuid NOT NULL REFERENCES place,
    PRIMARY KEY (resident_id, kind)
);
CREATE INDEX resident_place_place ON resident_place (place_id);

-- Who answers for a site: rank 1 leader, rank 2 deputy. A resident of the dorm or a member of staff.
CREATE TABLE site_leader (
    site_id      uuid NOT NULL REFERENCES site ON DELETE CASCADE,
    rank         int NOT NULL CHECK (rank IN (1, 2)),
    resident_id  uuid REFERENCES resident,
    staff_id     uuid REFERENCES staff,
    PRIMARY KEY (site_id, rank),
    CHECK ((resident_id IS NULL) <> (staff_id IS NULL))
);

-- A way to reach somebody. kind 'address' we send to; kind 'handle' a helper can open by hand (Messenger, Zalo...).
-- The address is encrypted (AAD: contact id and column); the blind index finds it without decrypting.
CREATE TABLE contact (
    id            uuid PRIMARY KEY,
    resident_id   uuid REFERENCES resident ON DELETE CASCADE,
    staff_id      uuid REFERENCES staff ON DELETE CASCADE,
    kind          text NOT NULL DEFAULT 'address' CHECK (kind IN ('address', 'handle')),
    channel       text NOT NULL,
    address_enc   bytea NOT NULL,
    address_bidx  bytea NOT NULL,
    state         text NOT NULL DEFAULT 'unproven' CHECK (state IN ('unproven', 'proven', 'dead', 'opted_out')),
    state_reason  text NOT NULL DEFAULT '',
    proven_at     timestamptz,
    created_at    timestamptz NOT NULL,
    CHECK ((resident_id IS NULL) <> (staff_id IS NULL))
);
CREATE INDEX contact_resident ON contact (resident_id);
CREATE INDEX contact_staff ON contact (staff_id);
CREATE INDEX contact_bidx ON contact (channel, address_bidx);
CREATE UNIQUE INDEX contact_once ON contact (resident_id, channel, address_bidx) WHERE resident_id IS NOT NULL;

-- Append-only. C1 alerts, C2 answer to employer, C3 coordinator follow-up, C4 needs, C5 live location, C6 municipality.
CREATE TABLE consent (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resident_id   uuid NOT NULL REFERENCES resident ON DELETE CASCADE,
    scope         text NOT NULL CHECK (scope IN ('C1', 'C2', 'C3', 'C4', 'C5', 'C6')),
    given         boolean NOT NULL,
    basis         text NOT NULL CHECK (basis IN ('own', 'invitation', 'withdrawn')),
    version       text NOT NULL,
    language      text NOT NULL,
    at            timestamptz NOT NULL,
    recorded_by   uuid REFERENCES staff
);
CREATE INDEX consent_resident ON consent (resident_id, scope, id DESC);

-- Every upload and what became of it: nothing that was accepted is lost, and an import can be explained a year later.
CREATE TABLE import_run (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES organisation,
    staff_id      uuid REFERENCES staff,
    file_name     text NOT NULL,
    file_sha256   bytea NOT NULL,
    dry_run       boolean NOT NULL,
    at            timestamptz NOT NULL,
    counts        jsonb NOT NULL,
    -- A dry run keeps its file, encrypted, so that the clerk confirms what was shown; gone when applied or a day old.
    body_enc      bytea
);

-- ---------------------------------------------------------------- incidents, alerts, messages

-- Our own answer to events. `key` is what later events must share to join it (quake id, or hazard family and office).
-- `key_enc` is the encrypted secret from which this incident's link tokens are derived; destroyed at close.
CREATE TABLE incident (
    id            uuid PRIMARY KEY,
    purpose       text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    hazard        text NOT NULL,
    key           text NOT NULL,
    title         text NOT NULL,
    severity      text NOT NULL CHECK (severity IN ('info', 'moderate', 'severe', 'extreme')),
    simulated     boolean NOT NULL DEFAULT false,
    event_ids     text[] NOT NULL DEFAULT '{}',
    facts         jsonb NOT NULL DEFAULT '{}',
    key_enc       bytea,
    opened_at     timestamptz NOT NULL,
    last_round_at timestamptz NOT NULL,
    closes_at     timestamptz,
    closed_at     timestamptz
);
CREATE UNIQUE INDEX incident_open_key ON incident (purpose, key) WHERE closed_at IS NULL;
CREATE INDEX incident_open ON incident (opened_at) WHERE closed_at IS NULL;

CREATE TABLE incident_event (
    incident_id  uuid NOT NULL REFERENCES incident,
    event_id     bigint NOT NULL REFERENCES event,
    PRIMARY KEY (incident_id, event_id)
);
CREATE INDEX incident_event_event ON incident_event (event_id);

-- One decision. Fan-out is resumable: `cursor` is the last resident of the last committed slice.
CREATE TABLE alert (
    id           uuid PRIMARY KEY,
    incident_id  uuid NOT NULL REFERENCES incident,
    event_id     bigint REFERENCES event,
    purpose      text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    revision     int NOT NULL,
    moment       text NOT NULL CHECK (moment IN ('issue', 'update', 'correct', 'cancel', 'lift', 'reminder')),
    severity     text NOT NULL CHECK (severity IN ('info', 'moderate', 'severe', 'extreme')),
    areas        jsonb NOT NULL,
    context      jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('held', 'fanning', 'done', 'stopped')),
    held_reason  text,
    cursor       uuid,
    people       int NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    done_at      timestamptz,
    expires_at   timestamptz NOT NULL,
    UNIQUE (incident_id, revision, moment)
);
CREATE INDEX alert_fanning ON alert (created_at) WHERE state = 'fanning';

-- Who stands where in an incident: the dashboard's and the board's row. The newest own answer is the status; an own
-- help stands until an own later OK; a proxy never beats an own answer (kept by the check-in transaction).
CREATE TABLE incident_resident (
    incident_id     uuid NOT NULL,
    resident_id     uuid NOT NULL REFERENCES resident,
    orgs            uuid[] NOT NULL,
    purpose         text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    severity        text NOT NULL CHECK (severity IN ('info', 'moderate', 'severe', 'extreme')),
    asked_at        timestamptz,
    asks            int NOT NULL DEFAULT 0,
    told_at         timestamptz NOT NULL,
    last_alert_id   uuid NOT NULL,
    reason          jsonb NOT NULL,
    reachable       boolean NOT NULL,
    status          text CHECK (status IN ('ok', 'help', 'safe_place', 'leaving', 'cannot_leave', 'on_duty', 'not_there')),
    status_by       text CHECK (status_by IN ('self', 'leader', 'employer', 'coordinator')),
    status_at       timestamptz,
    first_status    text,
    first_status_at timestamptz,
    seen_at         timestamptz,
    PRIMARY KEY (incident_id, resident_id)
);
CREATE INDEX incident_resident_orgs ON incident_resident USING gin (orgs);
CREATE INDEX incident_resident_resident ON incident_resident (resident_id);
CREATE INDEX incident_resident_silent ON incident_resident (incident_id, asked_at) WHERE status IS NULL AND asked_at IS NOT NULL;

-- Exactly who was told by which alert: corrections and cancellations go to these people.
CREATE TABLE alert_resident (
    alert_id     uuid NOT NULL,
    resident_id  uuid NOT NULL,
    PRIMARY KEY (alert_id, resident_id)
);
CREATE INDEX alert_resident_resident ON alert_resident (resident_id);

-- A capability. checkin and leader links belong to an incident; personal links are permanent. Of the token only the hash.
CREATE TABLE link (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('checkin', 'leader', 'personal')),
    token_sha256  bytea NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    resident_id   uuid REFERENCES resident ON DELETE CASCADE,
    site_id       uuid REFERENCES site ON DELETE CASCADE,
    staff_id      uuid REFERENCES staff ON DELETE CASCADE,
    incident_id   uuid REFERENCES incident,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    CHECK (kind = 'personal' OR incident_id IS NOT NULL),
    CHECK (kind <> 'leader' OR site_id IS NOT NULL)
);
CREATE UNIQUE INDEX link_checkin ON link (incident_id, resident_id) WHERE kind = 'checkin';
CREATE UNIQUE INDEX link_leader ON link (incident_id, site_id, resident_id, staff_id) NULLS NOT DISTINCT WHERE kind = 'leader';
CREATE UNIQUE INDEX link_personal ON link (resident_id) WHERE kind = 'personal' AND revoked_at IS NULL;

-- Composed once per (alert, language, channel, group of places), shared by everyone who gets the same words.
CREATE TABLE alert_text (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id    uuid NOT NULL REFERENCES alert,
    key         text NOT NULL,
    language    text NOT NULL,
    channel     text NOT NULL,
    title       text NOT NULL,
    body        text NOT NULL,
    unreviewed  boolean NOT NULL,
    segments    int NOT NULL,
    UNIQUE (alert_id, key)
);

-- The outbox: one text for one person over one contact. It points to the contact and never copies the number; a
-- message whose contact is gone when its turn comes is refused.
-- unless: the step is skipped at claim time when already answered / already received (fall-back steps of the ladder).
CREATE TABLE message (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purpose       text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    incident_id   uuid NOT NULL,
    alert_id      uuid NOT NULL,
    resident_id   uuid,
    staff_id      uuid,
    contact_id    uuid,
    channel       text NOT NULL,
    step          int NOT NULL,
    text_id       bigint NOT NULL,
    link_id       uuid,
    priority      int NOT NULL,
    unless        text NOT NULL DEFAULT 'never' CHECK (unless IN ('never', 'answered', 'received')),
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'leased', 'sent', 'delivered', 'failed',
                                                                   'expired', 'cancelled')),
    due_at        timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    attempts      int NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    lease_token   uuid,
    provider_id   text,
    error_code    text,
    error         text,
    created_at    timestamptz NOT NULL,
    sent_at       timestamptz,
    done_at       timestamptz,
    CHECK ((resident_id IS NULL) <> (staff_id IS NULL))
);
-- Resuming a fan-out or deciding twice cannot make a second copy of the same step. An alert has one incident: this adds
-- nothing to the key, but lets the same index find a person's messages. Every index more is written to three times a message.
CREATE UNIQUE INDEX message_once ON message (incident_id, resident_id, alert_id, staff_id, contact_id, step, link_id)
    NULLS NOT DISTINCT;
-- Worst severity first (priority 0 = extreme), then oldest due.
CREATE INDEX message_claim ON message (priority, due_at, id) WHERE state = 'pending';
CREATE INDEX message_leased ON message (lease_until) WHERE state = 'leased';

-- What a provider or a phone said about a message. Append-only; replayed twice in any order it ends the same.
CREATE TABLE receipt (
    message_id  bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('sent', 'delivered', 'failed')),
    code        text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL,
    PRIMARY KEY (message_id, state, code)
);

-- ---------------------------------------------------------------- answers and follow-up

-- One answer; append-only. note_enc and detail are the person's own words about needs: never shown to the employer.
CREATE TABLE check_in (
    id            uuid PRIMARY KEY,
    incident_id   uuid NOT NULL REFERENCES incident,
    resident_id   uuid NOT NULL REFERENCES resident,
    purpose       text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    answer        text NOT NULL CHECK (answer IN ('ok', 'help', 'safe_place', 'leaving', 'cannot_leave', 'on_duty', 'not_there')),
    answered_by   text NOT NULL CHECK (answered_by IN ('self', 'leader', 'employer', 'coordinator')),
    via           text NOT NULL,
    by_resident   uuid REFERENCES resident,
    by_staff      uuid REFERENCES staff,
    link_id       uuid REFERENCES link,
    client_id     text,
    detail        jsonb NOT NULL DEFAULT '{}',
    note_enc      bytea,
    tapped_at     timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    CHECK (tapped_at <= received_at)
);
CREATE INDEX check_in_person ON check_in (incident_id, resident_id, received_at);
-- A tap that is sent again (bad network, background sync) is the same answer.
CREATE UNIQUE INDEX check_in_client ON check_in (link_id, client_id) WHERE client_id IS NOT NULL;

-- One person a coordinator must follow up; at most one open case per person across all open incidents of a purpose.
CREATE TABLE case_file (
    id               uuid PRIMARY KEY,
    purpose          text NOT NULL CHECK (purpose IN ('live', 'drill', 'canary')),
    resident_id      uuid NOT NULL REFERENCES resident,
    incident_id      uuid NOT NULL REFERENCES incident,
    dorm_id          uuid REFERENCES site,
    reason           text NOT NULL CHECK (reason IN ('needs_help', 'unreachable', 'silent')),
    opened_at        timestamptz NOT NULL,
    reason_since     timestamptz NOT NULL,
    claimed_by       uuid REFERENCES staff,
    claimed_at       timestamptz,
    claim_expires_at timestamptz,
    outcome          text CHECK (outcome IN ('ok', 'help_given', 'handed_over', 'missing', 'not_there', 'answered',
                                             'incident_closed', 'withdrawn')),
    outcome_by       uuid REFERENCES staff,
    closed_at        timestamptz,
    CHECK ((outcome IS NULL) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX case_open ON case_file (purpose, resident_id) WHERE closed_at IS NULL;
CREATE INDEX case_incident ON case_file (incident_id) WHERE closed_at IS NULL;
-- How a person's earlier cases ended: asked for each row of a dashboard and of the board.
CREATE INDEX case_closed ON case_file (resident_id, closed_at) WHERE closed_at IS NOT NULL;

-- What was done about a case: claims, releases, calls, visits, outcomes. Append-only.
CREATE TABLE case_note (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id   uuid NOT NULL REFERENCES case_file,
    staff_id  uuid REFERENCES staff,
    action    text NOT NULL CHECK (action IN ('opened', 'claimed', 'released', 'expired', 'outcome', 'reason', 'note')),
    note_enc  bytea,
    at        timestamptz NOT NULL
);
CREATE INDEX case_note_case ON case_note (case_id);

-- ---------------------------------------------------------------- audit

-- Who read or changed whose data, which fields, why. Written in the same transaction as the read. Append-only.
CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    staff_id     uuid,
    actor        text NOT NULL,
    action       text NOT NULL,
    subjects     uuid[] NOT NULL DEFAULT '{}',
    fields       text[] NOT NULL DEFAULT '{}',
    org_id       uuid,
    incident_id  uuid,
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON audit (at);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER report_unchanged BEFORE UPDATE OR DELETE ON report FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
