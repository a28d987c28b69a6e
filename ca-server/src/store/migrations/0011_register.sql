-- The log over documents under a code, apart from that over the audit: anybody may read it. A leaf is
-- written with the act that it tells of, and known by the number of its audit entry.
CREATE TABLE register_leaf (
    audit   INTEGER NOT NULL PRIMARY KEY REFERENCES audit (id),
    locator BLOB    NOT NULL REFERENCES document (locator),
    -- The document's version that it tells of: 1 is its registration.
    version INTEGER NOT NULL CHECK (version > 0),
    octets  BLOB    NOT NULL,
    -- What the register keeps beside it, wrapped: what opens its commitment, a reason, a signature.
    detail  BLOB,
    UNIQUE (locator, version)
) STRICT;
CREATE TRIGGER register_leaf_is_never_changed BEFORE UPDATE ON register_leaf
    BEGIN SELECT RAISE(ABORT, 'leaves of the register are never changed'); END;
CREATE TRIGGER register_leaf_is_never_cut BEFORE DELETE ON register_leaf
    BEGIN SELECT RAISE(ABORT, 'leaves of the register are never deleted'); END;

CREATE TABLE register_sequence (
    -- Index in the log, from 0 without gaps.
    position INTEGER PRIMARY KEY CHECK (position >= 0),
    audit    INTEGER NOT NULL UNIQUE REFERENCES register_leaf (audit)
) STRICT;
CREATE TRIGGER register_sequence_is_never_changed BEFORE UPDATE ON register_sequence
    BEGIN SELECT RAISE(ABORT, 'places in the log are never changed'); END;
CREATE TRIGGER register_sequence_is_never_cut BEFORE DELETE ON register_sequence
    BEGIN SELECT RAISE(ABORT, 'places in the log are never given up'); END;

CREATE TABLE register_head (
    size INTEGER PRIMARY KEY CHECK (size > 0),
    root BLOB    NOT NULL CHECK (length(root) = 32),
    at   INTEGER NOT NULL,
    -- The signed checkpoint; NULL until it is signed.
    note TEXT
) STRICT;
CREATE TRIGGER register_head_is_never_changed BEFORE UPDATE ON register_head
    WHEN OLD.size <> NEW.size OR OLD.root <> NEW.root OR OLD.at <> NEW.at OR OLD.note IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'heads of the log are never changed'); END;
CREATE TRIGGER register_head_is_never_cut BEFORE DELETE ON register_head
    BEGIN SELECT RAISE(ABORT, 'heads of the log are never given up'); END;

CREATE TABLE register_attestation (
    position INTEGER PRIMARY KEY,
    size     INTEGER NOT NULL REFERENCES register_head (size),
    kind     TEXT    NOT NULL CHECK (kind IN ('cosignature', 'time-stamp')),
    octets   BLOB    NOT NULL,
    UNIQUE (size, octets)
) STRICT;

-- What is not in force, for the status lists; one body's documents, for its bulk revocations.
CREATE INDEX document_listed ON document (position) WHERE status <> 'in-force';
CREATE INDEX document_by_issuer ON document (issuer, position);
