-- The first schema. Certificates are known by the key that signed them (SHA-256 of its
-- SubjectPublicKeyInfo, 32 octets) and their serial number under it (magnitude, big-endian); times
-- are whole seconds since 1970-01-01T00:00:00Z. BLOB is BYTEA elsewhere, "INTEGER PRIMARY KEY" an
-- identity column.

-- What was done, by whom, when and why: only ever added to. Rows are not in the order of the
-- signed log, whose sequence is given afterwards by whoever holds its lease.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    why     TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    -- Issuer key and serial number, for acts on a certificate that its row does not tell of.
    object  BLOB,
    body    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_object ON audit (object, id) WHERE object IS NOT NULL;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END;

CREATE TABLE issuer (
    position    INTEGER PRIMARY KEY,
    key         BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
    subject     BLOB    NOT NULL,
    certificate BLOB    NOT NULL,
    generation  INTEGER NOT NULL CHECK (generation > 0),
    UNIQUE (subject, generation)
) STRICT;

-- Identity data, for registrars alone; everything else speaks of a holder by id.
CREATE TABLE holder (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version      INTEGER NOT NULL CHECK (version > 0),
    kind         TEXT    NOT NULL CHECK (kind IN ('legal', 'natural')),
    identifier   TEXT    NOT NULL UNIQUE,
    given_name   TEXT,
    surname      TEXT,
    organization TEXT,
    contact      TEXT,
    -- Surname and given name, or organization, case-folded: what registrars search by.
    sort_name    TEXT    NOT NULL,
    CHECK ((kind = 'natural' AND given_name IS NOT NULL AND surname IS NOT NULL AND organization IS NULL)
        OR (kind = 'legal' AND given_name IS NULL AND surname IS NULL AND organization IS NOT NULL))
) STRICT;
CREATE INDEX holder_by_name ON holder (sort_name);

CREATE TABLE request (
    position         INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    profile          TEXT    NOT NULL,
    public_key       BLOB    NOT NULL,
    holder           BLOB    REFERENCES holder (id),
    requested_by     TEXT    NOT NULL,
    received_at      INTEGER NOT NULL,
    approvals_needed INTEGER NOT NULL CHECK (approvals_needed BETWEEN 0 AND 255),
    -- 1 where the person who asked may be among those who approve.
    own_approval     INTEGER NOT NULL CHECK (own_approval IN (0, 1)),
    status           TEXT    NOT NULL CHECK (status IN ('pending', 'approved', 'issued', 'refused')),
    -- The certificate that was issued for it.
    issuer           BLOB,
    serial           BLOB,
    CHECK ((status = 'issued') = (serial IS NOT NULL))
) STRICT;
CREATE INDEX request_by_status ON request (status, position);

CREATE TABLE approval (
    position INTEGER PRIMARY KEY,
    request  BLOB    NOT NULL REFERENCES request (id),
    approver TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    UNIQUE (request, approver)
) STRICT;

-- One row from the intent on. A row with intended_at alone is a certificate that may or may not
-- have been signed.
CREATE TABLE certificate (
    position     INTEGER PRIMARY KEY,
    issuer       BLOB    NOT NULL REFERENCES issuer (key),
    serial       BLOB    NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),
    request      BLOB    NOT NULL REFERENCES request (id),
    profile      TEXT    NOT NULL,
    holder       BLOB    REFERENCES holder (id),
    subject_key  BLOB    NOT NULL CHECK (length(subject_key) = 32),
    not_before   INTEGER NOT NULL,
    not_after    INTEGER NOT NULL CHECK (not_after >= not_before),
    shard        INTEGER NOT NULL CHECK (shard >= 0),
    tbs_digest   BLOB    NOT NULL CHECK (length(tbs_digest) = 32),
    tbs          BLOB,
    certificate  BLOB,
    intended_at  INTEGER NOT NULL,
    issued_at    INTEGER,
    published_at INTEGER,
    UNIQUE (issuer, serial),
    CHECK ((tbs IS NULL) = (certificate IS NOT NULL)),
    CHECK ((issued_at IS NULL) = (certificate IS NULL)),
    CHECK (published_at IS NULL OR issued_at IS NOT NULL)
) STRICT;
CREATE INDEX certificate_by_holder ON certificate (holder, position) WHERE holder IS NOT NULL;
CREATE INDEX certificate_by_key ON certificate (subject_key, position);
CREATE INDEX certificate_intended ON certificate (position) WHERE certificate IS NULL;

-- What CRLs list, apart from the certificates, so that a revocation and a list cost the same
-- however many certificates there are. A restored row stays: delta CRLs tell of it.
CREATE TABLE revocation (
    issuer          BLOB    NOT NULL,
    shard           INTEGER NOT NULL,
    serial          BLOB    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('restored', 'revoked', 'suspended')),
    since           INTEGER NOT NULL,
    reason          INTEGER,
    invalidity_date INTEGER,
    until           INTEGER,
    not_after       INTEGER NOT NULL,
    -- The act that brought it here: what changed after another act is found by it.
    changed_by      INTEGER NOT NULL REFERENCES audit (id),
    PRIMARY KEY (issuer, shard, serial),
    FOREIGN KEY (issuer, serial) REFERENCES certificate (issuer, serial),
    CHECK ((status = 'revoked') = (reason IS NOT NULL)),
    CHECK (reason IS NULL OR reason IN (0, 1, 2, 3, 4, 5, 9, 10))
) STRICT, WITHOUT ROWID;
CREATE INDEX revocation_by_change ON revocation (issuer, changed_by);

CREATE TABLE crl_number (
    issuer      BLOB    NOT NULL REFERENCES issuer (key),
    shard       INTEGER NOT NULL CHECK (shard >= 0),
    number      INTEGER NOT NULL CHECK (number > 0),
    reserved_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, shard, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE crl (
    issuer      BLOB    NOT NULL,
    shard       INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('complete', 'delta')),
    base        INTEGER,
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL CHECK (next_update > this_update),
    digest      BLOB    NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (issuer, shard, kind, number),
    FOREIGN KEY (issuer, shard, number) REFERENCES crl_number (issuer, shard, number),
    CHECK ((kind = 'delta') = (base IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Documents under a code. Rows arrive in the table's own order and only two short keys are random.
CREATE TABLE document (
    position      INTEGER PRIMARY KEY,
    locator       BLOB    NOT NULL UNIQUE CHECK (length(locator) = 16),
    sealed        BLOB    NOT NULL,
    digest        BLOB    NOT NULL CHECK (length(digest) = 32),
    issuer        TEXT    NOT NULL,
    class         INTEGER NOT NULL,
    -- First 16 octets of SHA-256(issuer, 0, the issuer's own key): one short index for both.
    idempotency   BLOB    NOT NULL UNIQUE CHECK (length(idempotency) = 16),
    idempotency_key BLOB  NOT NULL CHECK (length(idempotency_key) = 16),
    registered_at INTEGER NOT NULL,
    version       INTEGER NOT NULL CHECK (version > 0),
    status        TEXT    NOT NULL
        CHECK (status IN ('in-force', 'revoked', 'superseded', 'suspended', 'used')),
    since         INTEGER NOT NULL,
    successor     BLOB,
    CHECK ((status = 'superseded') = (successor IS NOT NULL))
) STRICT;

-- Every status after the first, which is "in force since registered".
CREATE TABLE document_change (
    document  INTEGER NOT NULL REFERENCES document (position),
    version   INTEGER NOT NULL CHECK (version > 1),
    status    TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    why       TEXT    NOT NULL,
    successor BLOB,
    PRIMARY KEY (document, version)
) STRICT, WITHOUT ROWID;
