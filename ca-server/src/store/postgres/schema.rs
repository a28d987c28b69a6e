//! The schema: the steps that all databases share, in PostgreSQL's words, and who may take them.

use tokio_postgres::Client;

use super::failure::{Failure, failed};
use crate::store::migrations::MIGRATIONS;
use crate::store::{StoreError, StoreErrorKind};

/// What this database has beside the shared steps. Several processes may arrive here at once.
const BASE: &str = "
CREATE TABLE IF NOT EXISTS esign_schema (
    one     BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    -- The least version that a program must know to work with this schema.
    oldest  BIGINT NOT NULL
);
INSERT INTO esign_schema (one, version, oldest) VALUES (1, 0, 0) ON CONFLICT DO NOTHING;
-- Whoever writes acts holds this row: the numbers of the audit have no gaps, and their order is that
-- of the commits.
CREATE TABLE IF NOT EXISTS writer (
    one        BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    last_audit BIGINT NOT NULL
);
INSERT INTO writer (one, last_audit) VALUES (1, 0) ON CONFLICT DO NOTHING;
-- The last transaction that each process committed: what became of one whose answer was lost.
CREATE TABLE IF NOT EXISTS replica (
    id   BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    mark BIGINT NOT NULL,
    at   BIGINT NOT NULL
);
CREATE OR REPLACE FUNCTION esign_never() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''%'', TG_ARGV[0]; END';
";
/// \"esca\": the lock that every process of this program takes to bring a schema up to date.
const LOCK: i64 = 0x6573_6361;
/// Rows of processes that wrote nothing for so long are dropped: a week, in milliseconds.
const FORGOTTEN: i64 = 7 * 24 * 3600 * 1000;

/// In the place of the least version while a store is moved in: no program opens it.
pub(super) const MOVING: i64 = i64::MAX;

/// Brings the schema up to date, or finds that it is newer than this program can work with.
pub(super) async fn migrate(client: &Client, object: &str) -> Result<(), Failure> {
    let doing = "bringing its schema up to date";
    let wrong = |error| failed(object, doing, error);
    let row = client
        .query_one(
            "SELECT current_setting('server_encoding'), current_setting('synchronous_commit')",
            &[],
        )
        .await
        .map_err(wrong)?;
    let settings: (String, String) = (row.get(0), row.get(1));
    for (name, found, unfit) in [
        ("the database's encoding", &settings.0, settings.0 != "UTF8"),
        // A commit that returns before it is on the disk is lost with the power.
        ("synchronous_commit", &settings.1, settings.1 == "off"),
    ] {
        if unfit {
            return Err(Failure::last(StoreError::new(
                StoreErrorKind::NotOurs,
                object,
                format_args!("{name} is {found}, with which this program does not work"),
            )));
        }
    }
    client
        .batch_execute(&format!(
            "BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {BASE}"
        ))
        .await
        .map_err(wrong)?;
    let row = client
        .query_one(
            "SELECT version, oldest FROM esign_schema WHERE one = 1 FOR UPDATE",
            &[],
        )
        .await
        .map_err(wrong)?;
    let (version, oldest): (i64, i64) = (row.get(0), row.get(1));
    let latest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if oldest == MOVING {
        return Err(Failure::last(StoreError::new(
            StoreErrorKind::Corrupt,
            object,
            "a store was moved into it and that did not come to its end: move into a new database",
        )));
    }
    if oldest > latest {
        return Err(Failure::last(StoreError::new(
            StoreErrorKind::NewerSchema,
            object,
            format_args!(
                "its schema has version {version}, this program knows up to {latest}: use a newer program"
            ),
        )));
    }
    let done = usize::try_from(version).unwrap_or(0);
    for step in MIGRATIONS.get(done..).unwrap_or_default() {
        client
            .batch_execute(&translated(step))
            .await
            .map_err(wrong)?;
        for (_, instead) in LONG.iter().filter(|(there, _)| step.contains(there)) {
            client.batch_execute(instead).await.map_err(wrong)?;
        }
    }
    if version < latest {
        client
            .execute(
                "UPDATE esign_schema SET version = $1 WHERE one = 1",
                &[&latest],
            )
            .await
            .map_err(wrong)?;
    }
    client
        .execute(
            "DELETE FROM replica WHERE at < \
             CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $1",
            &[&FORGOTTEN],
        )
        .await
        .map_err(wrong)?;
    client.batch_execute("COMMIT").await.map_err(wrong)
}

/// Keys that may be longer than the 2704 octets that an index takes here: their digest is unique instead.
const LONG: [(&str, &str); 3] = [
    (
        "UNIQUE (subject, generation)",
        "ALTER TABLE issuer DROP CONSTRAINT issuer_subject_generation_key; \
         CREATE UNIQUE INDEX issuer_by_subject ON issuer (sha256(subject), generation)",
    ),
    (
        "UNIQUE (size, kind, octets)",
        "ALTER TABLE log_attestation DROP CONSTRAINT log_attestation_size_kind_octets_key; \
         CREATE UNIQUE INDEX log_attestation_once ON log_attestation (size, kind, sha256(octets))",
    ),
    (
        "UNIQUE (size, octets)",
        "ALTER TABLE register_attestation DROP CONSTRAINT register_attestation_size_octets_key; \
         CREATE UNIQUE INDEX register_attestation_once ON register_attestation (size, sha256(octets))",
    ),
];

/// A step written for SQLite as PostgreSQL has it. Text is compared by its octets, as SQLite does.
fn translated(step: &str) -> String {
    let mut out = String::with_capacity(step.len().saturating_mul(2));
    let mut trigger: Option<String> = None;
    for line in step.lines() {
        let code = line.split_once("--").map_or(line, |(code, _)| code).trim();
        if let Some(text) = &mut trigger {
            text.push(' ');
            text.push_str(code);
        } else if code.starts_with("CREATE TRIGGER") {
            trigger = Some(code.to_owned());
        } else if !code.is_empty() {
            out.push_str(&typed(code));
            out.push('\n');
        }
        if let Some(text) = trigger.take_if(|text| text.ends_with("END;")) {
            out.push_str(&refusing(&text));
            out.push('\n');
        }
    }
    out
}

/// A line with the names of types and options changed; what stands in quotation marks is left alone.
fn typed(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    for (n, part) in code.split('\'').enumerate() {
        if n > 0 {
            out.push('\'');
        }
        if n % 2 == 1 {
            out.push_str(part);
            continue;
        }
        out.push_str(
            &part
                .replace(
                    "INTEGER PRIMARY KEY",
                    "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
                )
                .replace("INTEGER", "BIGINT")
                .replace("BLOB", "BYTEA")
                .replace("TEXT", "TEXT COLLATE \"C\"")
                .replace(") STRICT, WITHOUT ROWID;", ");")
                .replace(") STRICT;", ");"),
        );
    }
    out
}

/// `CREATE TRIGGER name BEFORE event ON table [WHEN condition] BEGIN SELECT RAISE(ABORT, 'why'); END;`
fn refusing(trigger: &str) -> String {
    let (head, body) = trigger.split_once(" BEGIN ").unwrap_or((trigger, ""));
    let why = body.split('\'').nth(1).unwrap_or_default();
    let head = match head.split_once(" WHEN ") {
        Some((head, condition)) => format!("{head} FOR EACH ROW WHEN ({condition})"),
        None => format!("{head} FOR EACH ROW"),
    };
    format!("{head} EXECUTE FUNCTION esign_never('{why}');")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_options_change_and_quoted_words_do_not() {
        let step = "CREATE TABLE t ( -- INTEGER here\n  id INTEGER PRIMARY KEY,\n  n INTEGER NOT NULL PRIMARY KEY,\n  \
                    k TEXT CHECK (k IN ('TEXT', 'BLOB')),\n  b BLOB\n) STRICT, WITHOUT ROWID;";
        assert_eq!(
            translated(step),
            "CREATE TABLE t (\nid BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,\n\
             n BIGINT NOT NULL PRIMARY KEY,\nk TEXT COLLATE \"C\" CHECK (k IN ('TEXT', 'BLOB')),\nb BYTEA\n);\n"
        );
    }

    #[test]
    fn long_keys_are_those_of_a_step() {
        for (there, _) in LONG {
            assert_eq!(
                MIGRATIONS.iter().filter(|s| s.contains(there)).count(),
                1,
                "{there}"
            );
        }
    }

    #[test]
    fn triggers_that_refuse() {
        let step = "CREATE TRIGGER t_never BEFORE UPDATE ON t\n    WHEN OLD.a <> NEW.a\n    BEGIN SELECT RAISE(ABORT, 'no'); END;";
        assert_eq!(
            translated(step),
            "CREATE TRIGGER t_never BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.a <> NEW.a) \
             EXECUTE FUNCTION esign_never('no');\n"
        );
    }

    #[test]
    fn nothing_of_sqlite_is_left_in_any_step() {
        for step in MIGRATIONS {
            let step = translated(step);
            for word in ["STRICT", "ROWID", "BLOB", "INTEGER", "RAISE(", "BEGIN"] {
                assert!(!step.contains(word), "{word}: {step}");
            }
        }
    }
}
