-- "I am somewhere else today": a third kind of place beside home and work, with an end. While it runs the person is
-- also told what happens there. It is an own word of the person for helpers and for the alerts, and nothing of their
-- organisations: the role of employers' pages sees no such row, whatever it asks for.

ALTER TABLE resident_place
    DROP CONSTRAINT resident_place_kind_check,
    ADD CONSTRAINT resident_place_kind_check CHECK (kind IN ('home', 'work', 'today')),
    ADD COLUMN until timestamptz,
    ADD CONSTRAINT resident_place_until_check CHECK ((kind = 'today') = (until IS NOT NULL));
CREATE INDEX resident_place_until ON resident_place (until) WHERE until IS NOT NULL;

-- Restrictive: on top of every policy that shows an organisation its people's places, also those of later migrations.
CREATE POLICY not_elsewhere ON resident_place AS RESTRICTIVE TO daijobu_web
    USING (kind <> 'today') WITH CHECK (kind <> 'today');

-- Told of an incident only because of such a place: `orgs` of the row is empty then, so that no organisation sees the
-- person in it; what goes from memberships to incidents (leaders, staff, dorms) leaves the row out.
ALTER TABLE incident_resident ADD COLUMN only_today boolean NOT NULL DEFAULT false;

-- The purge ends what has run out.
GRANT SELECT, DELETE ON resident_place TO daijobu_purge;

-- Access: incident_resident.only_today as the rest of the row.
-- Access: resident_place of kind 'today': person (own), follow (people of open incidents), worker, purge; web none.
