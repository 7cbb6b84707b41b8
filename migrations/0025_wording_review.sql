-- Who has checked which of our texts, in which language, and who may.
--
-- A text may go out alone once people have read and approved it (docs/languages.md). What they do is kept here as a log that
-- nobody changes: the newest row of a key and language that is `live` is what is said, above the file of locales/. `of_text`
-- is the fingerprint of key, English source and text (core/po.py): a state belongs to exactly these words, and another
-- source makes it a draft again. Reviewers are known by a pseudonym; only operators see whose it is.
--
-- The role "translator" is for people who do nothing else here: accounts of the operator's organisation, which has no people.

ALTER TABLE staff DROP CONSTRAINT staff_role_check, ADD CONSTRAINT staff_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella',
             'translator'));
ALTER TABLE staff_link DROP CONSTRAINT staff_link_role_check, ADD CONSTRAINT staff_link_role_check CHECK (
    role IN ('operator', 'employer', 'supervising', 'community', 'coordinator', 'volunteer', 'partner', 'auditor', 'umbrella',
             'translator'));

CREATE TABLE wording_reviewer (
    staff_id    uuid NOT NULL REFERENCES staff,
    language    text NOT NULL,
    pseudonym   text NOT NULL CHECK (pseudonym ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$'),
    may         text[] NOT NULL CHECK (may <@ ARRAY['translate', 'review', 'approve'] AND cardinality(may) > 0),
    granted_by  uuid NOT NULL REFERENCES staff,
    granted_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (staff_id, language)
);
-- Two people of one language never look like one in the log.
CREATE UNIQUE INDEX wording_reviewer_pseudonym ON wording_reviewer (language, lower(pseudonym));

CREATE TABLE wording_review (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    language          text NOT NULL,
    key               text NOT NULL,
    act               text NOT NULL CHECK (act IN ('propose', 'review', 'approve', 'field_test', 'send_back')),
    text              text NOT NULL CHECK (text <> ''),
    of_text           text NOT NULL CHECK (of_text ~ '^[0-9a-f]{12}$'),
    file_of           text NOT NULL CHECK (file_of ~ '^[0-9a-f]{12}$'),  -- the mark of the file's own text then
    state             text NOT NULL CHECK (state IN ('draft', 'reviewed', 'approved', 'field-tested')),
    live              boolean NOT NULL,
    staff_id          uuid NOT NULL REFERENCES staff,
    by_pseudonym      text NOT NULL,
    at                timestamptz NOT NULL,
    back_translation  text NOT NULL DEFAULT '',
    asked             int NOT NULL DEFAULT 0,
    understood        int NOT NULL DEFAULT 0,
    waited            int NOT NULL DEFAULT 0,
    note              text NOT NULL DEFAULT '',
    CHECK (act <> 'propose' OR (state = 'draft' AND NOT live)),
    CHECK (act <> 'review' OR state = 'reviewed'),
    CHECK (act <> 'approve' OR (state = 'approved' AND live AND back_translation <> '')),
    CHECK (act <> 'field_test' OR (state IN ('field-tested', 'draft') AND asked >= 5)),
    CHECK (act <> 'send_back' OR state = 'draft')
);
CREATE INDEX wording_review_key ON wording_review (language, key, id);
CREATE INDEX wording_review_live ON wording_review (id) WHERE live;

-- The second wall of "nobody judges a text of their own, and two people approve", whatever the program forgets.
CREATE FUNCTION wording_by_two() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    since bigint;
BEGIN
    SELECT coalesce(max(w.id), 0) INTO since FROM public.wording_review w
    WHERE w.language = NEW.language AND w.key = NEW.key AND w.of_text = NEW.of_text AND w.state = 'draft';
    IF NEW.act IN ('review', 'approve', 'field_test') AND EXISTS (
            SELECT FROM public.wording_review w WHERE w.language = NEW.language AND w.key = NEW.key AND w.text = NEW.text
            AND w.act = 'propose' AND (w.staff_id = NEW.staff_id OR w.by_pseudonym = NEW.by_pseudonym)) THEN
        RAISE EXCEPTION 'nobody judges a text of their own';
    END IF;
    IF NEW.act = 'approve' AND (EXISTS (
            SELECT FROM public.wording_review w WHERE w.language = NEW.language AND w.key = NEW.key AND w.of_text = NEW.of_text
            AND w.act IN ('review', 'approve') AND w.id > since
            AND (w.staff_id = NEW.staff_id OR w.by_pseudonym = NEW.by_pseudonym))) THEN
        RAISE EXCEPTION 'whoever has reviewed a text does not approve it';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER by_two BEFORE INSERT ON wording_review FOR EACH ROW EXECUTE FUNCTION wording_by_two();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['wording_reviewer', 'wording_review'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY all_rows ON %I TO daijobu_worker, daijobu_purge USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
REVOKE UPDATE, DELETE ON wording_review FROM daijobu_worker;

-- Whose pseudonym it is: operators, and the organisation of the person.
CREATE POLICY all_of_them ON wording_reviewer TO daijobu_operator USING (true) WITH CHECK (true);
CREATE POLICY own ON wording_reviewer FOR SELECT TO daijobu_web, daijobu_follow USING (
    EXISTS (SELECT FROM staff s WHERE s.id = wording_reviewer.staff_id AND s.org_id = ANY ((SELECT app_orgs())::uuid[])));
-- Everybody on staff may read what was done to a text; only its reviewers add to it, under their own pseudonym.
CREATE POLICY read ON wording_review FOR SELECT TO daijobu_operator, daijobu_web, daijobu_follow USING (true);
CREATE POLICY add ON wording_review FOR INSERT TO daijobu_operator, daijobu_web, daijobu_follow WITH CHECK (
    EXISTS (SELECT FROM wording_reviewer w WHERE w.staff_id = wording_review.staff_id
            AND w.language = wording_review.language AND w.pseudonym = wording_review.by_pseudonym
            AND w.revoked_at IS NULL));
GRANT SELECT ON wording_reviewer TO daijobu_web, daijobu_follow;
GRANT SELECT, INSERT, UPDATE ON wording_reviewer TO daijobu_operator;
GRANT SELECT, INSERT ON wording_review TO daijobu_operator, daijobu_web, daijobu_follow;

-- Access: wording_reviewer: operator select/insert/update; web and follow select of their organisation's; worker all.
-- Access: wording_review: operator, web and follow select, and insert as a reviewer of that language; worker select/insert.
