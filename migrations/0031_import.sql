-- What each person of a long list costs: indexes of contacts that another one covers, or that hold what nobody looks up.
--
-- A list of 50,000 people brings 100,000 contacts, and each was written into seven indexes (two thirds of an insert's time).

-- Somebody's contacts are found by contact_once (resident_id, channel, address_bidx): it holds every row with a resident.
DROP INDEX contact_resident;
-- Contacts of staff are a handful beside those of residents.
DROP INDEX contact_staff;
CREATE INDEX contact_staff ON contact (staff_id) WHERE staff_id IS NOT NULL;
-- Asked for the newest only (people who share a number, registry/same_store.py). Rows are appended in the order of their
-- time, so one entry per 32 pages tells as much as one per row.
DROP INDEX contact_created;
CREATE INDEX contact_created ON contact USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on);

-- As narrow for the living, and of use when a dorm is deleted: its foreign key asks about everybody who ever lived there.
DROP INDEX membership_dorm;
CREATE INDEX membership_dorm ON membership (dorm_id) WHERE dorm_id IS NOT NULL;
