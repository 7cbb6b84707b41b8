-- E-mail and LINE as ways to people.

-- An address that somebody has typed gets one mail with a link (contact.proof_sent_at, proof_tries): whoever presses the
-- button there has shown that mails arrive.
CREATE INDEX contact_mail_due ON contact (created_at)
    WHERE channel = 'email' AND kind = 'address' AND state = 'unproven' AND proof_sent_at IS NULL;

-- LINE tells us nobody's name, and nobody knows their own number there: a person takes a code from their own page and sends
-- it to our account. One code per person, for half an hour; used, it goes. The code itself is not stored.
CREATE TABLE line_code (
    resident_id  uuid PRIMARY KEY REFERENCES resident ON DELETE CASCADE,
    code_sha256  bytea NOT NULL UNIQUE CHECK (length(code_sha256) = 32),
    made_at      timestamptz NOT NULL
);
ALTER TABLE line_code ENABLE ROW LEVEL SECURITY;
ALTER TABLE line_code FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON line_code TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
CREATE POLICY of_link ON line_code TO daijobu_person USING (resident_id = ANY ((SELECT app_people())::uuid[]))
    WITH CHECK (resident_id = ANY ((SELECT app_people())::uuid[]));

GRANT SELECT, INSERT, UPDATE, DELETE ON line_code TO daijobu_worker, daijobu_person;
GRANT SELECT, DELETE ON line_code TO daijobu_purge;

-- Which events of LINE's webhook have been read: it repeats calls. Neither who nor what.
CREATE TABLE line_event (
    event_id  text PRIMARY KEY,
    at        timestamptz NOT NULL
);
ALTER TABLE line_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE line_event FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON line_event TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON line_event TO daijobu_worker;
GRANT SELECT, DELETE ON line_event TO daijobu_purge;

-- Access: line_code: person own row (resident_id); worker all; purge select, delete; web, follow, operator, door none.
-- Access: line_event: worker all; purge select, delete.
