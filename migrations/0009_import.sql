-- Imports that can be looked at again, corrected and taken back.
--
-- An upload used to live only as long as its page: whoever closed the tab started again, and a wrong file could not be
-- undone. Now a run keeps what was understood (columns), what the clerk answered and what was shown, encrypted, until it
-- is applied or a day old; and what it wrote, with the old values, encrypted, for 30 days.

-- state: new -> columns (the file was read) -> ready (the dry run is shown) -> applied -> undone; failed: it cannot be read.
-- Rows of before this migration were shown and confirmed at once.
ALTER TABLE import_run
    ADD COLUMN state      text NOT NULL DEFAULT 'applied' CHECK (state IN ('new', 'columns', 'ready', 'applied', 'undone', 'failed')),
    ADD COLUMN source     text NOT NULL DEFAULT 'upload' CHECK (source IN ('upload', 'command', 'form')),  -- form: one person, or the API
    ADD COLUMN mapping    jsonb,     -- {"sheet", "index": {field: column}}: the clerk's columns; null: as guessed
    ADD COLUMN choices    jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN problem    jsonb,     -- why it failed: the key of a sentence and its values
    ADD COLUMN digest     bytea,     -- fingerprint of the plan that was shown
    ADD COLUMN result_enc bytea,     -- what was understood and shown: columns with examples, or the plan
    ADD COLUMN subjects   uuid[] NOT NULL DEFAULT '{}',  -- whose data the shown plan holds: each reading is audited
    ADD COLUMN created    uuid[] NOT NULL DEFAULT '{}',  -- people the run made: what an undo would remove
    ADD COLUMN applied_at timestamptz,
    ADD COLUMN undone_at  timestamptz,
    ADD COLUMN undone_by  uuid REFERENCES staff;
CREATE INDEX import_run_org ON import_run (org_id, at DESC);

-- What a run is doing right now. Beside the run, so that it can be written while a transaction holds the run's row; it is
-- also the lease of the work: a row that has not moved for a minute belongs to a process that died.
CREATE TABLE import_progress (
    run_id      uuid PRIMARY KEY REFERENCES import_run ON DELETE CASCADE,
    org_id      uuid NOT NULL REFERENCES organisation,
    stage       text NOT NULL CHECK (stage IN ('reading', 'checking', 'applying', 'undoing')),
    done        int NOT NULL DEFAULT 0,
    total       int NOT NULL DEFAULT 0,
    at          timestamptz NOT NULL
);

-- What an applied run wrote, in the order of writing: enough to take it back. values_enc: the old values and the new ones
-- (absent for what was made new): who was changed again since is left alone.
CREATE TABLE import_change (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       uuid NOT NULL REFERENCES import_run ON DELETE CASCADE,
    org_id       uuid NOT NULL REFERENCES organisation,
    kind         text NOT NULL CHECK (kind IN ('organisation', 'site', 'site_place', 'changed', 'ended', 'housed')),
    row_id       uuid NOT NULL,     -- of the organisation, site, place or resident
    resident_id  uuid REFERENCES resident ON DELETE CASCADE,
    key          uuid NOT NULL,     -- to what values_enc is bound
    values_enc   bytea
);
CREATE INDEX import_change_run ON import_change (run_id, id);
CREATE INDEX import_change_resident ON import_change (resident_id) WHERE resident_id IS NOT NULL;

-- Taking back people asks each table that refers to them; without this every deleted person read through all links
-- (14 ms for each of 50,000 people, measured).
CREATE INDEX link_resident ON link (resident_id) WHERE resident_id IS NOT NULL;

-- Access:
-- import_run: web own org select/insert/update (org_id; a supervising organisation's run belongs to itself); worker and purge all.
-- import_progress: web own org select/insert/update/delete (org_id); worker and purge all.
-- import_change: web own org select/insert/delete (org_id: the uploader's); worker and purge all.
-- Undo needs DELETE for web on: resident (own, state 'invited'), site, place (unused), organisation and org_relation (employers
-- that this import made, without people, staff or sites), and contact, resident_place, membership of own residents.
