-- SMS: what became of messages that the provider took, what is wrong with a provider, what a month costs, replies.

-- carried_at: the provider said that a network has it; nothing can be taken back any more. fate_asks and fate_due_at: how
-- often the provider was asked about a message of which no call-back told the end, and when it is asked again.
-- blanked_at: the text was taken away at the provider too.
ALTER TABLE message ADD COLUMN carried_at timestamptz,
    ADD COLUMN fate_asks smallint NOT NULL DEFAULT 0,
    ADD COLUMN fate_due_at timestamptz,
    ADD COLUMN blanked_at timestamptz;
-- SMS alone: other channels' rows are in neither, and pay nothing for them.
CREATE INDEX message_sms_open ON message (sent_at) WHERE state = 'sent' AND channel = 'sms';
CREATE INDEX message_sms_text ON message (sent_at) WHERE channel = 'sms' AND provider_id IS NOT NULL AND blanked_at IS NULL;

-- Faults of the deployment that a provider told of (wrong token, country switched off): one row per fault, renewed.
-- `what` and `remedy` are sentences of ours, never a provider's words, which may quote a number.
CREATE TABLE provider_trouble (
    channel   text NOT NULL,
    code      text NOT NULL,
    level     text NOT NULL CHECK (level IN ('warning', 'critical')),
    what      text NOT NULL,
    first_at  timestamptz NOT NULL,
    at        timestamptz NOT NULL,
    number    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (channel, code)
);

-- Parts of SMS per day (Japan's time), recounted while the messages are there: messages are deleted after 30 days, a month
-- has 31.
CREATE TABLE sms_day (
    day    date PRIMARY KEY,
    parts  bigint NOT NULL
);

-- Which replies have been read already: the provider calls twice. Neither who nor what.
CREATE TABLE sms_reply (
    provider_id  text PRIMARY KEY,
    at           timestamptz NOT NULL,
    read_as      text NOT NULL
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['provider_trouble', 'sms_day', 'sms_reply'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
CREATE POLICY operators ON provider_trouble FOR SELECT TO daijobu_operator USING (true);
CREATE POLICY operators ON sms_day FOR SELECT TO daijobu_operator USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON provider_trouble, sms_day, sms_reply TO daijobu_worker;
GRANT SELECT ON provider_trouble, sms_day TO daijobu_operator;
GRANT SELECT, DELETE ON provider_trouble, sms_reply TO daijobu_purge;

-- Access: provider_trouble: worker all; operator select; purge select, delete.
-- Access: sms_day: worker all; operator select. sms_reply: worker all; purge select, delete.
