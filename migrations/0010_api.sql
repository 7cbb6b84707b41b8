-- Tokens and webhooks of organisations: programs of an employer (its HR system) read and write the employer's own list
-- over /api/v1, and are told by signed requests when something changes. A token speaks for exactly one organisation; of
-- the token only its SHA-256 is kept. What a webhook says is found by comparing what the dashboard would show now with
-- what was said last (`webhook_seen`): a thing that the dashboard does not show can therefore never be said.

-- A program's key. `owner_id` made it and may revoke it; `org_id` is whose people it reads: the owner itself or, made by
-- a supervising organisation, one of its employers. `role` decides the fields, as on the owner's own pages.
CREATE TABLE api_token (
    id             uuid PRIMARY KEY,
    owner_id       uuid NOT NULL REFERENCES organisation,
    org_id         uuid NOT NULL REFERENCES organisation,
    role           text NOT NULL CHECK (role IN ('employer', 'supervising', 'community', 'partner')),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    prefix         text NOT NULL,
    secret_sha256  bytea NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    scopes         text[] NOT NULL CHECK (scopes <@ ARRAY['people:read', 'people:write', 'status:read', 'webhooks:write']
                                          AND cardinality(scopes) > 0),
    created_by     uuid REFERENCES staff,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    last_used_at   timestamptz,
    revoked_at     timestamptz,
    revoked_by     uuid REFERENCES staff
);
CREATE INDEX api_token_owner ON api_token (owner_id);

-- Calls per token and minute, shared by every process of the website; older minutes are dropped by the tend loop.
CREATE TABLE api_usage (
    token_id  uuid NOT NULL REFERENCES api_token ON DELETE CASCADE,
    minute    timestamptz NOT NULL,
    calls     int NOT NULL,
    PRIMARY KEY (token_id, minute)
);

-- What was answered to a POST with an Idempotency-Key, for 24 hours: sent again, it gets the same answer.
CREATE TABLE api_idempotency (
    id              uuid NOT NULL UNIQUE,
    token_id        uuid NOT NULL REFERENCES api_token ON DELETE CASCADE,
    org_id          uuid NOT NULL REFERENCES organisation,
    key_sha256      bytea NOT NULL,
    request_sha256  bytea NOT NULL,
    status          int,
    body_enc        bytea,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (token_id, key_sha256)
);
CREATE INDEX api_idempotency_old ON api_idempotency (created_at);

-- Where an organisation wants to be told. The old secret signs beside the new one until `secret_old_until`.
CREATE TABLE webhook (
    id                uuid PRIMARY KEY,
    org_id            uuid NOT NULL REFERENCES organisation,
    owner_id          uuid NOT NULL REFERENCES organisation,
    token_id          uuid NOT NULL REFERENCES api_token,
    role              text NOT NULL,
    url               text NOT NULL CHECK (length(url) <= 500),
    events            text[] NOT NULL CHECK (cardinality(events) > 0),
    names             boolean NOT NULL DEFAULT false,
    secret_enc        bytea NOT NULL,
    secret_old_enc    bytea,
    secret_old_until  timestamptz,
    created_at        timestamptz NOT NULL,
    failing_since     timestamptz,
    disabled_at       timestamptz,
    disabled_reason   text NOT NULL DEFAULT '',
    deleted_at        timestamptz
);
CREATE INDEX webhook_org ON webhook (org_id) WHERE deleted_at IS NULL;

-- What an organisation's webhooks were told last. kind 'since': watching began (what was true then is not news);
-- 'person': a member, value is the state; 'incident': value open or closed; 'status': value is what may be said.
CREATE TABLE webhook_seen (
    org_id       uuid NOT NULL REFERENCES organisation,
    kind         text NOT NULL CHECK (kind IN ('since', 'person', 'incident', 'status')),
    incident_id  uuid,
    resident_id  uuid REFERENCES resident ON DELETE CASCADE,
    value        text NOT NULL
);
CREATE UNIQUE INDEX webhook_seen_once ON webhook_seen (org_id, kind, incident_id, resident_id) NULLS NOT DISTINCT;

-- The outbox of webhooks: one event for one address. No name is stored; it is added when the request is made.
CREATE TABLE webhook_delivery (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL,
    webhook_id   uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    org_id       uuid NOT NULL REFERENCES organisation,
    event        text NOT NULL,
    incident_id  uuid,
    resident_id  uuid REFERENCES resident ON DELETE CASCADE,
    payload      jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'leased', 'delivered', 'dead', 'superseded')),
    due_at       timestamptz NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    lease_until  timestamptz,
    lease_token  uuid,
    created_at   timestamptz NOT NULL,
    give_up_at   timestamptz NOT NULL,
    done_at      timestamptz,
    last_code    int,
    last_error   text NOT NULL DEFAULT '',
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE state IN ('pending', 'leased');
CREATE INDEX webhook_delivery_done ON webhook_delivery (done_at) WHERE state IN ('delivered', 'dead', 'superseded');

-- Access: api_token: web select insert update where owner_id or org_id own; door select, update last_used_at; worker all
-- Access: api_usage: door select insert update; web none; worker all; purge delete
-- Access: api_idempotency: web select insert update own org_id; worker all; purge delete
-- Access: webhook: web select insert update where owner_id or org_id own; worker all
-- Access: webhook_seen: web none; worker all; purge delete
-- Access: webhook_delivery: web select update own org_id; worker all; purge delete
