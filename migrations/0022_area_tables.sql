-- Which fetched area tables the stored places were placed with. The files lie on the disk of each machine: a machine with others,
-- or with none, would give new places other codes, and the doctor says so.

CREATE TABLE area_tables (
    file       text PRIMARY KEY,
    source     text NOT NULL,
    vintage    text NOT NULL,
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    placed_at  timestamptz NOT NULL
);
