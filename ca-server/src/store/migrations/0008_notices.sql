-- How far work has come that goes along the audit or the calendar; it only ever goes on.
CREATE TABLE progress (
    name TEXT    NOT NULL PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT;

-- When an expired certificate went into the archive (decision 27, 9.6): it is then in no index of those
-- that are still watched.
ALTER TABLE certificate ADD COLUMN archived_at INTEGER;
CREATE INDEX certificate_by_end ON certificate (not_after, position) WHERE archived_at IS NULL;
