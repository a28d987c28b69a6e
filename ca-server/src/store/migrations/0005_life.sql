-- Who a request is about, as claimed by whoever asks or as vetted by a registrar.
CREATE TABLE request_subject (
    request   BLOB    NOT NULL PRIMARY KEY REFERENCES request (id),
    -- PKCS #10 as received, DER: issuing proves possession once more. Nothing of it but the key counts.
    csr       BLOB    NOT NULL,
    -- JSON; personal data, for registrars and approvers.
    identity  TEXT    NOT NULL,
    -- 1 where the holder agreed to stand in the public list of valid certificates.
    listed    INTEGER NOT NULL CHECK (listed IN (0, 1)),
    -- Who vetted it; null while it is only claimed.
    vetted_by TEXT,
    at        INTEGER NOT NULL
) STRICT;

-- Who may act for the centre, known by the key of his client certificate. No roles: dismissed.
CREATE TABLE officer (
    name  TEXT    NOT NULL PRIMARY KEY,
    key   BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
    roles TEXT    NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- The stop switch of issuance: one row while it is on.
CREATE TABLE stop (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    since INTEGER NOT NULL,
    actor TEXT    NOT NULL,
    why   TEXT    NOT NULL
) STRICT;
