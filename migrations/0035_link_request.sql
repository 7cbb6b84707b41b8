-- A lost card or page: one wish per person for their permanent link to be sent to them again, over a way that they have
-- proved to be theirs. Staff never see such a link; a card is printed only for who has neither telephone nor e-mail.

-- asked_by: the person's number typed in by somebody (the present link is sent again, nothing is taken back: a stranger
-- could type it too), their check-in link, or staff (the new link replaces the old one when it has left).
CREATE TABLE link_request (
    resident_id  uuid PRIMARY KEY REFERENCES resident ON DELETE CASCADE,
    asked_by     text NOT NULL CHECK (asked_by IN ('number', 'link', 'staff')),
    asked_at     timestamptz NOT NULL,
    new_link     uuid,
    tries        int NOT NULL DEFAULT 0,
    due_at       timestamptz,
    outcome      text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'sent', 'unsure', 'no_way')),
    CHECK ((asked_by = 'number') = (new_link IS NULL))
);
CREATE INDEX link_request_due ON link_request (due_at) WHERE due_at IS NOT NULL;

ALTER TABLE link_request ENABLE ROW LEVEL SECURITY;
ALTER TABLE link_request FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON link_request TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true);
CREATE POLICY of_link ON link_request TO daijobu_person USING (
    cardinality((SELECT app_people())) = 1 AND resident_id = ANY ((SELECT app_people())::uuid[]));
CREATE POLICY of_visible ON link_request TO daijobu_web USING (
    EXISTS (SELECT FROM resident r WHERE r.id = link_request.resident_id));

-- Before anybody is known: a typed number, as its fingerprints. Answers nothing, so that nobody learns who is registered.
-- Only a number that its owner has proved, of somebody who enrolled, and once a day.
CREATE FUNCTION ask_link_by_number(prints bytea[], at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO link_request AS q (resident_id, asked_by, asked_at, due_at)
    SELECT DISTINCT r.id, 'number', at, at FROM contact c JOIN resident r ON r.id = c.resident_id
    WHERE c.address_bidx = ANY (prints) AND c.channel = 'phone' AND c.kind = 'address' AND c.state = 'proven'
      AND r.state IN ('enrolled', 'paused')
    ON CONFLICT (resident_id) DO UPDATE SET asked_by = 'number', asked_at = excluded.asked_at, new_link = NULL,
        tries = 0, due_at = excluded.due_at, outcome = ''
    WHERE q.due_at IS NULL AND q.asked_at <= excluded.asked_at - interval '24 hours'
$$;
-- Whether an organisation may print a card for somebody: nothing reaches them, they chose a leader or paper themselves,
-- and they let this organisation see how they are. One answer for all: which of these is missing is not said.
CREATE FUNCTION may_print_card(person uuid, org uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT r.state IN ('enrolled', 'paused') AND r.reach_by <> '' AND NOT r.protected
           AND org = ANY (r.orgs) AND answer_shared(r.id, org)
           AND NOT EXISTS (SELECT FROM contact c WHERE c.resident_id = r.id AND c.kind = 'address'
                             AND c.state IN ('unproven', 'proven'))
        FROM resident r WHERE r.id = person), false)
$$;
GRANT CREATE ON SCHEMA public TO daijobu_worker;
ALTER FUNCTION ask_link_by_number(bytea[], timestamptz) OWNER TO daijobu_worker;
ALTER FUNCTION may_print_card(uuid, uuid) OWNER TO daijobu_worker;
REVOKE CREATE ON SCHEMA public FROM daijobu_worker;
REVOKE EXECUTE ON FUNCTION ask_link_by_number(bytea[], timestamptz), may_print_card(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_link_by_number(bytea[], timestamptz) TO daijobu_door;
GRANT EXECUTE ON FUNCTION may_print_card(uuid, uuid) TO daijobu_web;

GRANT SELECT, INSERT, UPDATE ON link_request TO daijobu_person, daijobu_web;
GRANT SELECT, DELETE ON link_request TO daijobu_purge;

-- Access: link_request: person (own link only) and web (visible people) select/insert/update; worker all; purge
--         select/delete; door through ask_link_by_number() alone; follow, operator none.
