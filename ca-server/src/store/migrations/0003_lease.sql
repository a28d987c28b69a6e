-- What only one process may do at a time: take CRL numbers, sequence the log. The epoch grows with
-- every new holder and is compared in every write of that work.
CREATE TABLE lease (
    name   TEXT    NOT NULL PRIMARY KEY,
    holder BLOB    NOT NULL CHECK (length(holder) = 16),
    epoch  INTEGER NOT NULL CHECK (epoch > 0),
    -- Milliseconds since 1970-01-01T00:00:00Z by the database's clock.
    ends   INTEGER NOT NULL
) STRICT;

-- The octets of published lists, in parts: whoever did not make a list serves it from here. Those
-- before the newest are dropped.
CREATE TABLE published (
    issuer BLOB    NOT NULL,
    shard  INTEGER NOT NULL,
    kind   TEXT    NOT NULL CHECK (kind IN ('complete', 'delta')),
    number INTEGER NOT NULL,
    part   INTEGER NOT NULL CHECK (part >= 0),
    octets BLOB    NOT NULL,
    PRIMARY KEY (issuer, shard, kind, number, part),
    FOREIGN KEY (issuer, shard, number) REFERENCES crl_number (issuer, shard, number)
) STRICT, WITHOUT ROWID;
