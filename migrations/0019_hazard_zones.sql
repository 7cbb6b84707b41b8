-- Hazard at the place: the flood and landslide areas that the Ministry of Land (MLIT, 国土数値情報 A31a and A33) publishes, and
-- which registered place lies in them. A place is compared once, when it is registered or moved and after an import, and not
-- while an alert is on its way: the alert reads the result like any other code of a place.

-- One import: everything known of one kind in one prefecture. A new import replaces the old one whole.
CREATE TABLE hazard_edition (
    id           uuid PRIMARY KEY,
    prefecture   text NOT NULL CHECK (prefecture ~ '^[0-4][0-9]$'),
    kind         text NOT NULL CHECK (kind IN ('flood', 'landslide')),
    edition      text NOT NULL,
    source       text NOT NULL,
    sha256       text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    credit       text NOT NULL,
    features     int NOT NULL,
    left_out     int NOT NULL,
    -- False: a whole file could not be used, so that outside every area nothing is known.
    complete     boolean NOT NULL,
    imported_at  timestamptz NOT NULL,
    UNIQUE (prefecture, kind)
);

-- Dissolved per river (landslides: per kind of slope failure), scale and rank, and cut at the cells of the second mesh
-- (JIS X 0410, about 10 km): one place is compared with the few shapes of its own cell, not with a whole river.
CREATE TABLE hazard_zone (
    edition_id  uuid NOT NULL REFERENCES hazard_edition ON DELETE CASCADE,
    cell        text NOT NULL,
    code        text NOT NULL,
    name        text NOT NULL,
    scale       text NOT NULL CHECK (scale IN ('largest', 'planned', '')),
    rank        smallint NOT NULL CHECK (rank BETWEEN 1 AND 6),
    -- The river as JMA's bulletins name it (jma.river); empty where no bulletin is about it.
    jma_rivers  text[] NOT NULL DEFAULT '{}',
    wkb         bytea NOT NULL,
    PRIMARY KEY (edition_id, cell, code, scale, rank)
);
CREATE INDEX hazard_zone_cell ON hazard_zone (cell);

-- What lies at a place. No row: not compared yet, or nothing to compare it with. 'unknown': its point is too coarse.
CREATE TABLE place_hazard (
    place_id     uuid PRIMARY KEY REFERENCES place ON DELETE CASCADE,
    flood        text NOT NULL CHECK (flood IN ('in', 'out', 'unknown')),
    landslide    text NOT NULL CHECK (landslide IN ('in', 'out', 'unknown')),
    depth_rank   smallint CHECK (depth_rank BETWEEN 1 AND 6),
    -- [{"code", "name", "rank", "scale"}], the deepest first.
    rivers       jsonb NOT NULL DEFAULT '[]',
    slope_rank   smallint CHECK (slope_rank BETWEEN 1 AND 2),
    tolerance_m  int NOT NULL,
    editions     uuid[] NOT NULL,
    checked_at   timestamptz NOT NULL
);

-- Places to compare. Rows are only added by whoever writes a place, and taken away by the tend loop or the import.
CREATE TABLE place_hazard_due (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place_id  uuid NOT NULL
);

-- A place that is new or has moved is not known until it has been compared; whoever writes it waits for nothing.
CREATE FUNCTION place_hazard_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.place_hazard_due (place_id) SELECT id FROM written;
    RETURN NULL;
END
$$;
CREATE FUNCTION place_hazard_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.place_hazard WHERE place_id = NEW.id;
    INSERT INTO public.place_hazard_due (place_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER place_hazard_new AFTER INSERT ON place
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION place_hazard_new();
CREATE TRIGGER place_hazard_moved AFTER UPDATE OF lat, lon, precision ON place
    FOR EACH ROW EXECUTE FUNCTION place_hazard_moved();

-- "Tell me about level 3 also when my place is in no such area": the person's own choice, off unless they say so.
ALTER TABLE resident ADD COLUMN level3_always boolean NOT NULL DEFAULT false;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['place_hazard', 'place_hazard_due'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
CREATE POLICY of_visible ON place_hazard TO daijobu_web, daijobu_follow, daijobu_person USING (
    EXISTS (SELECT FROM place p WHERE p.id = place_hazard.place_id));
CREATE POLICY make ON place_hazard_due FOR INSERT TO daijobu_web, daijobu_person WITH CHECK (true);

GRANT SELECT ON hazard_edition TO daijobu_web, daijobu_follow, daijobu_operator, daijobu_person, daijobu_purge;
GRANT SELECT ON hazard_zone TO daijobu_operator, daijobu_purge;
GRANT SELECT ON place_hazard TO daijobu_web, daijobu_follow, daijobu_person;
GRANT DELETE ON place_hazard TO daijobu_web, daijobu_person;
GRANT INSERT ON place_hazard_due TO daijobu_web, daijobu_person;
GRANT SELECT, DELETE ON place_hazard, place_hazard_due TO daijobu_purge;

-- Access: hazard_edition: public data; web, follow, operator, person and purge select; worker all.
-- Access: hazard_zone: public data; operator and purge select; worker all.
-- Access: place_hazard: web, follow and person select where the place is visible; web and person delete by moving it;
--         worker all; purge select/delete.
-- Access: place_hazard_due: web and person insert by writing a place; worker all; purge select/delete.
