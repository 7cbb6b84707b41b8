-- A source that only relays another one (P2PQuake relays JMA) is given a moment for the original to arrive: its event
-- waits undecided until `decide_after`. Null: decided at once.
ALTER TABLE event ADD COLUMN decide_after timestamptz;
