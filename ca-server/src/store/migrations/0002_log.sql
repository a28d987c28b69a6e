-- The signed log over the audit: which entry has which place, and its heads. A place and a head are
-- committed here before anything is signed or published, so that no crash makes two heads of one size.

CREATE TABLE log_sequence (
    -- Index in the log, from 0 without gaps.
    position INTEGER PRIMARY KEY CHECK (position >= 0),
    audit    INTEGER NOT NULL UNIQUE REFERENCES audit (id)
) STRICT;
CREATE TRIGGER log_sequence_is_never_changed BEFORE UPDATE ON log_sequence
    BEGIN SELECT RAISE(ABORT, 'places in the log are never changed'); END;
CREATE TRIGGER log_sequence_is_never_cut BEFORE DELETE ON log_sequence
    BEGIN SELECT RAISE(ABORT, 'places in the log are never given up'); END;

CREATE TABLE log_head (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    root BLOB    NOT NULL CHECK (length(root) = 32),
    at   INTEGER NOT NULL,
    -- The signed checkpoint; NULL until it is signed.
    note TEXT
) STRICT;
CREATE TRIGGER log_head_is_never_changed BEFORE UPDATE ON log_head
    WHEN OLD.size <> NEW.size OR OLD.root <> NEW.root OR OLD.at <> NEW.at OR OLD.note IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'heads of the log are never changed'); END;
CREATE TRIGGER log_head_is_never_cut BEFORE DELETE ON log_head
    BEGIN SELECT RAISE(ABORT, 'heads of the log are never given up'); END;
CREATE INDEX log_head_unsigned ON log_head (size) WHERE note IS NULL;

-- What others say of a head: lines of cosignatures, time-stamp tokens over the note's text.
CREATE TABLE log_attestation (
    position INTEGER PRIMARY KEY,
    size     INTEGER NOT NULL REFERENCES log_head (size),
    kind     TEXT    NOT NULL CHECK (kind IN ('cosignature', 'time-stamp')),
    octets   BLOB    NOT NULL,
    UNIQUE (size, kind, octets)
) STRICT;
