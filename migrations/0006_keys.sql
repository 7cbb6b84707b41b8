-- Several data keys at once, so that a key can be replaced while the service runs: which keys this database has been
-- written with (a start without one of them is refused with a readable reason), and how far a rotation has got, so that
-- one that was killed goes on where it stopped. The functions take the names of table and column from core/encrypted.py,
-- because a rotation does the same to every encrypted column; names are quoted by format(), values are parameters.

-- One row per data key. The newest of the key file is made first: the row (in_file_at NULL), then the file.
CREATE TABLE key_rotation (
    key_id       bytea PRIMARY KEY CHECK (length(key_id) = 8),
    made_at      timestamptz NOT NULL,
    in_file_at   timestamptz,
    -- The column being written anew ("contact.address_enc"; '' before the first) and the last row of the last commit.
    at_column    text NOT NULL DEFAULT '',
    after_key    text,
    rows_written bigint NOT NULL DEFAULT 0,
    -- Whether this rotation also gives personal links new tokens: printed cards are void then.
    links        boolean NOT NULL DEFAULT false,
    -- Everything is encrypted with this key or a newer one. / The key has left the file, or is lost for ever.
    finished_at  timestamptz,
    retired_at   timestamptz
);

-- The next values that are not encrypted with key `newest`, in the order of the table's key.
CREATE FUNCTION encrypted_rows(tbl text, key_col text, row_col text, col text, newest bytea, after text, most int)
RETURNS TABLE (row_key text, bound_to uuid, stored bytea) LANGUAGE plpgsql STABLE AS $$
DECLARE
    kind text;
BEGIN
    SELECT format_type(a.atttypid, NULL) INTO STRICT kind
    FROM pg_attribute a WHERE a.attrelid = tbl::regclass AND a.attname = key_col;
    RETURN QUERY EXECUTE format(
        'SELECT t.%1$I::text, t.%2$I, t.%3$I FROM %4$I AS t
         WHERE t.%3$I IS NOT NULL AND substr(t.%3$I, 2, 8) <> $1 AND ($2 IS NULL OR t.%1$I > $2::%5$s)
         ORDER BY t.%1$I LIMIT $3', key_col, row_col, col, tbl, kind)
    USING newest, after, most;
END
$$;

-- Put new values in place of old ones, row by row; a value that somebody else has changed since is left alone.
CREATE FUNCTION replace_encrypted(tbl text, key_col text, col text, row_keys text[], olds bytea[], news bytea[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    kind text;
    written bigint;
BEGIN
    SELECT format_type(a.atttypid, NULL) INTO STRICT kind
    FROM pg_attribute a WHERE a.attrelid = tbl::regclass AND a.attname = key_col;
    EXECUTE format(
        'UPDATE %1$I AS t SET %2$I = n.new
         FROM unnest($1::text[]::%4$s[], $2, $3) AS n (key, old, new) WHERE t.%3$I = n.key AND t.%2$I = n.old',
        tbl, col, key_col, kind)
    USING row_keys, olds, news;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$;

-- How many values of a column each key has encrypted.
CREATE FUNCTION encrypted_key_counts(tbl text, col text)
RETURNS TABLE (used_key bytea, used_rows bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT substr(%1$I, 2, 8), count(*) FROM %2$I WHERE %1$I IS NOT NULL GROUP BY 1', col, tbl);
END
$$;

-- Access: key_rotation: worker select, insert, update, delete, all rows (it holds no personal data); nobody else.
-- Access: every column named in core/encrypted.py and contact.address_bidx: worker select and update, all rows; contact
-- (doubles) also delete; link.token_sha256 of personal links update. The functions run with their caller's rights.
