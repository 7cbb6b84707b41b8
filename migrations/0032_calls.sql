-- What a limit still allows that holds for all processes together: SMS to one number, telephone calls in a day. A row is a
-- token bucket; one that is full again is as good as none. Who it is about nobody can tell: the key is a keyed fingerprint
-- (core/crypto.py, blind index) of the limit and the number. Times are the database's, because several machines share them.
CREATE TABLE send_bucket (
    key          bytea PRIMARY KEY CHECK (length(key) = 32),
    tokens       double precision NOT NULL CHECK (tokens >= 0),
    refilled_at  timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE send_bucket ENABLE ROW LEVEL SECURITY;
ALTER TABLE send_bucket FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON send_bucket TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON send_bucket TO daijobu_worker;
GRANT SELECT, DELETE ON send_bucket TO daijobu_purge;

-- Access: send_bucket: worker all; purge select, delete.
