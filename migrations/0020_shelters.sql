-- Designated shelters (指定緊急避難場所 and 指定避難所, published by GSI) and which edition each municipality's list is from.
-- No people: everybody may read. Only the command line brings shelters in, one municipality at a time.

CREATE TABLE shelter (
    -- 共通ID: unique over both designations.
    id           text PRIMARY KEY CHECK (id ~ '^E[0-9]{13}$'),
    designation  text NOT NULL CHECK (designation IN ('emergency_site', 'shelter')),
    -- Whose list it is on (digits 2 to 6 of the id): a designated city publishes one list for all its wards.
    owner_jis    text NOT NULL CHECK (owner_jis ~ '^[0-9]{5}$'),
    -- Where it stands: nearly always in its owner.
    jis          text NOT NULL CHECK (jis ~ '^[0-9]{5}$'),
    name         text NOT NULL CHECK (name <> ''),
    address      text NOT NULL DEFAULT '',
    lat          double precision NOT NULL CHECK (lat BETWEEN 20 AND 46),
    lon          double precision NOT NULL CHECK (lon BETWEEN 122 AND 154),
    kinds        text[] NOT NULL DEFAULT '{}' CHECK (kinds <@ ARRAY['flood', 'landslide', 'storm_surge', 'earthquake',
                     'tsunami', 'fire', 'inland_flood', 'volcano']),
    only_for     text NOT NULL DEFAULT '',
    note         text NOT NULL DEFAULT '',
    -- Written for a demonstration: pages say so.
    fictional    boolean NOT NULL DEFAULT false,
    CHECK (designation = 'emergency_site' OR kinds = '{}'),
    CHECK (substr(id, 2, 5) = owner_jis)
);
CREATE INDEX shelter_owner ON shelter (owner_jis, designation);
CREATE INDEX shelter_jis ON shelter (jis);
CREATE INDEX shelter_point ON shelter USING gist (point(lon, lat));

CREATE TABLE shelter_edition (
    owner_jis    text NOT NULL CHECK (owner_jis ~ '^[0-9]{5}$'),
    designation  text NOT NULL CHECK (designation IN ('emergency_site', 'shelter')),
    -- The date of the file as its publisher or the operator gives it; null: unknown.
    edition      date,
    source       text NOT NULL,
    sha256       bytea NOT NULL CHECK (length(sha256) = 32),
    shelters     int NOT NULL CHECK (shelters >= 0),
    rejected     int NOT NULL CHECK (rejected >= 0),
    imported_at  timestamptz NOT NULL,
    PRIMARY KEY (owner_jis, designation)
);

GRANT SELECT ON shelter, shelter_edition TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_door,
    daijobu_purge;
GRANT SELECT, INSERT, UPDATE, DELETE ON shelter, shelter_edition TO daijobu_worker;

-- Access: shelter, shelter_edition: no people in them; every role may read; worker all.
