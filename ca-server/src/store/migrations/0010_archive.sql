-- The archive is searched by when what is in it ended.
CREATE INDEX certificate_archived ON certificate (not_after, position) WHERE archived_at IS NOT NULL;
