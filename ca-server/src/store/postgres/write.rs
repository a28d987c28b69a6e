//! Writing what the rules changed, each table by one statement.

use deadpool_postgres::Object;
use esign_core::time::UnixTime;
use tokio_postgres::types::ToSql;

use super::Shared;
use super::failure::{Failure, failed};
use super::load::{Array, transposed};
use super::rows::MemoryRows;
use crate::ids::{KeyId, Name};
use crate::records::{CrlKind, DocumentStatus, Identity, Standing};
use crate::store::cells::Value;
use crate::store::decode;

const DOING: &str = "writing";

fn text(value: Option<&str>) -> Value {
    Value::Text(value.map(str::to_owned))
}

fn octets(value: Option<&[u8]>) -> Value {
    Value::Octets(value.map(<[u8]>::to_vec))
}

fn time(at: Option<UnixTime>) -> Value {
    Value::Integer(at.map(UnixTime::seconds))
}

/// How rows go into a table.
struct Into {
    table: &'static str,
    columns: &'static str,
    /// What happens where the row is there: nothing else than an error if this is empty.
    known: &'static str,
}

impl Shared {
    /// Writes rows into a table, in their order.
    async fn insert<const N: usize>(
        &self,
        client: &Object,
        into: &Into,
        rows: Vec<[Value; N]>,
    ) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = transposed(rows);
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({}) {}",
            into.table,
            into.columns,
            placeholders(&columns),
            into.known
        );
        self.run(client, &sql, &columns).await
    }

    pub(super) async fn run(
        &self,
        client: &Object,
        sql: &str,
        columns: &[Array],
    ) -> Result<(), Failure> {
        let wrong = |error| failed(&self.object, DOING, error);
        let statement = client.prepare_cached(sql).await.map_err(wrong)?;
        let parameters: Vec<_> = columns
            .iter()
            .map(|array| -> &(dyn ToSql + Sync) { array })
            .collect();
        client
            .execute(&statement, &parameters)
            .await
            .map(|_| ())
            .map_err(wrong)
    }

    /// Writes everything that changed; tables that others refer to come first.
    pub(super) async fn flush(&self, client: &Object, rows: &MemoryRows) -> Result<(), Failure> {
        self.insert(client, &AUDIT, audit(rows)).await?;
        self.insert(client, &ISSUER, issuers(rows)).await?;
        self.insert(client, &HOLDER, holders(rows)).await?;
        self.insert(client, &REQUEST, requests(rows)).await?;
        self.insert(client, &APPROVAL, approvals(rows)).await?;
        self.insert(client, &SUBJECT, subjects(rows)).await?;
        self.insert(client, &OFFICER, officers(rows)).await?;
        self.switch(client, rows).await?;
        self.insert(client, &CERTIFICATE, certificates(rows))
            .await?;
        self.insert(client, &REVOCATION, revocations(rows)).await?;
        self.insert(client, &CRL_NUMBER, numbers(rows)).await?;
        self.insert(client, &CRL, lists(rows)).await?;
        self.insert(client, &DOCUMENT, documents(rows)).await?;
        let changes = document_changes(rows);
        if !changes.is_empty() {
            let columns = transposed(changes);
            let sql = format!(
                "INSERT INTO document_change (document, version, status, since, why, successor) \
                 SELECT d.position, u.version, u.status, u.since, u.why, u.successor \
                 FROM unnest({}) AS u (locator, version, status, since, why, successor) \
                 JOIN document d ON d.locator = u.locator",
                placeholders(&columns)
            );
            self.run(client, &sql, &columns).await?;
        }
        self.insert(client, &LEAF, leaves(rows)).await
    }

    /// The stop switch, where it was touched.
    async fn switch(&self, client: &Object, rows: &MemoryRows) -> Result<(), Failure> {
        for (_, stop) in rows.stop.changes() {
            match stop {
                Some(stop) => {
                    let sql = "INSERT INTO stop (one, since, actor, why) VALUES (1, $1, $2, $3) \
                               ON CONFLICT DO NOTHING";
                    let values = [
                        stop.since.seconds().into(),
                        stop.by.as_str().into(),
                        stop.why.as_str().into(),
                    ];
                    self.execute(client, DOING, sql, &values).await?;
                }
                None => {
                    let sql = "DELETE FROM stop WHERE one = 1";
                    self.execute(client, DOING, sql, &[]).await?;
                }
            }
        }
        Ok(())
    }
}

/// The parameters of a statement with these columns, each with its type.
pub(super) fn placeholders(columns: &[Array]) -> String {
    let each: Vec<_> = (1..)
        .zip(columns)
        .map(|(n, column)| format!("${n}::{}", column.type_name()))
        .collect();
    each.join(", ")
}

const AUDIT: Into = Into {
    table: "audit",
    columns: "id, at, actor, why, kind, object, body",
    known: "",
};

fn audit(rows: &MemoryRows) -> Vec<[Value; 7]> {
    rows.audit
        .iter()
        .map(|row| {
            [
                row.id.into(),
                row.at.into(),
                row.actor.as_str().into(),
                row.why.as_str().into(),
                row.kind.into(),
                octets(row.object.as_deref()),
                row.body.as_str().into(),
            ]
        })
        .collect()
}

const ISSUER: Into = Into {
    table: "issuer",
    columns: "key, subject, certificate, generation",
    known: "",
};

fn issuers(rows: &MemoryRows) -> Vec<[Value; 4]> {
    let changes = rows.issuers.changes().into_iter();
    changes
        .filter_map(|(key, issuer)| {
            let issuer = issuer?;
            Some([
                key.0.into(),
                issuer.subject.as_slice().into(),
                issuer.certificate.as_slice().into(),
                issuer.generation.into(),
            ])
        })
        .collect()
}

const HOLDER: Into = Into {
    table: "holder",
    columns: "id, version, kind, identifier, given_name, surname, organization, contact, sort_name",
    known: "ON CONFLICT (id) DO UPDATE SET version = excluded.version, kind = excluded.kind, \
            identifier = excluded.identifier, given_name = excluded.given_name, \
            surname = excluded.surname, organization = excluded.organization, \
            contact = excluded.contact, sort_name = excluded.sort_name",
};

fn holders(rows: &MemoryRows) -> Vec<[Value; 9]> {
    let changes = rows.holders.changes().into_iter();
    changes
        .filter_map(|(id, row)| {
            let (holder, sort_name) = row?;
            let (kind, given_name, surname, organization) = match &holder.identity {
                Identity::Legal { organization, .. } => {
                    ("legal", None, None, Some(organization.as_str()))
                }
                Identity::Natural {
                    given_name,
                    surname,
                    ..
                } => (
                    "natural",
                    Some(given_name.as_str()),
                    Some(surname.as_str()),
                    None,
                ),
            };
            Some([
                id.0.into(),
                holder.version.into(),
                kind.into(),
                holder.identity.identifier().into(),
                text(given_name),
                text(surname),
                text(organization),
                text(holder.contact.as_deref()),
                sort_name.as_str().into(),
            ])
        })
        .collect()
}

const REQUEST: Into = Into {
    table: "request",
    columns: "id, profile, public_key, holder, requested_by, received_at, approvals_needed, \
              own_approval, status, issuer, serial, former_issuer, former_serial",
    known: "ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, status = excluded.status, \
            issuer = excluded.issuer, serial = excluded.serial",
};

fn requests(rows: &MemoryRows) -> Vec<[Value; 13]> {
    let changes = rows.requests.changes().into_iter();
    changes
        .filter_map(|(id, record)| {
            let record = record?;
            let (needed, own) = decode::approval_columns(record.request.approval);
            let certificate = record.certificate.as_ref();
            let former = record.request.former.as_ref();
            Some([
                id.0.into(),
                record.request.profile.as_str().into(),
                record.request.public_key.as_slice().into(),
                octets(record.request.holder.as_ref().map(|id| id.0.as_slice())),
                record.requested_by.as_str().into(),
                record.received_at.seconds().into(),
                i64::from(needed).into(),
                i64::from(own).into(),
                decode::request_status_name(record.status).into(),
                octets(certificate.map(|id| id.issuer.0.as_slice())),
                octets(certificate.map(|id| id.serial.as_bytes())),
                octets(former.map(|id| id.issuer.0.as_slice())),
                octets(former.map(|id| id.serial.as_bytes())),
            ])
        })
        .collect()
}

const APPROVAL: Into = Into {
    table: "approval",
    columns: "request, approver, at",
    known: "",
};

fn approvals(rows: &MemoryRows) -> Vec<[Value; 3]> {
    rows.approvals
        .iter()
        .map(|(id, by, at)| [id.0.into(), by.as_str().into(), at.seconds().into()])
        .collect()
}

const SUBJECT: Into = Into {
    table: "request_subject",
    columns: "request, csr, identity, listed, vetted_by, at",
    known: "ON CONFLICT (request) DO UPDATE SET csr = excluded.csr, identity = excluded.identity, \
            listed = excluded.listed, vetted_by = excluded.vetted_by, at = excluded.at",
};

fn subjects(rows: &MemoryRows) -> Vec<[Value; 6]> {
    let changes = rows.subjects.changes().into_iter();
    changes
        .filter_map(|(id, record)| {
            let record = record?;
            Some([
                id.0.into(),
                record.subject.csr.as_slice().into(),
                record.subject.identity.as_str().into(),
                i64::from(record.subject.listed).into(),
                text(record.vetted_by.as_ref().map(Name::as_str)),
                record.at.seconds().into(),
            ])
        })
        .collect()
}

const OFFICER: Into = Into {
    table: "officer",
    columns: "name, key, roles, since",
    known: "ON CONFLICT (name) DO UPDATE SET key = excluded.key, roles = excluded.roles, \
            since = excluded.since",
};

fn officers(rows: &MemoryRows) -> Vec<[Value; 4]> {
    let changes = rows.officers.changes().into_iter();
    changes
        .filter_map(|(name, row)| {
            let (officer, at) = row?;
            Some([
                name.as_str().into(),
                officer.key.0.into(),
                officer.role_names().as_str().into(),
                at.seconds().into(),
            ])
        })
        .collect()
}

const CERTIFICATE: Into = Into {
    table: "certificate",
    columns: "issuer, serial, request, profile, holder, subject_key, not_before, not_after, shard, \
              tbs_digest, tbs, certificate, intended_at, issued_at, published_at, archived_at",
    known: "ON CONFLICT (issuer, serial) DO UPDATE SET tbs = excluded.tbs, \
            certificate = excluded.certificate, issued_at = excluded.issued_at, \
            published_at = excluded.published_at, archived_at = excluded.archived_at",
};

fn certificates(rows: &MemoryRows) -> Vec<[Value; 16]> {
    let changes = rows.certificates.changes().into_iter();
    changes
        .filter_map(|(id, record)| {
            let record = record?;
            Some([
                id.issuer.0.into(),
                id.serial.as_bytes().into(),
                record.request.0.into(),
                record.profile.as_str().into(),
                octets(record.holder.as_ref().map(|id| id.0.as_slice())),
                record.subject_key.0.into(),
                record.not_before.seconds().into(),
                record.not_after.seconds().into(),
                record.shard.into(),
                record.tbs_digest.0.into(),
                octets(record.tbs.as_deref()),
                octets(record.certificate.as_deref()),
                record.intended_at.seconds().into(),
                time(record.issued_at),
                time(record.published_at),
                time(record.archived_at),
            ])
        })
        .collect()
}

const REVOCATION: Into = Into {
    table: "revocation",
    columns: "issuer, shard, serial, status, since, reason, invalidity_date, until, not_after, \
              changed_by",
    known: "ON CONFLICT (issuer, shard, serial) DO UPDATE SET status = excluded.status, \
            since = excluded.since, reason = excluded.reason, \
            invalidity_date = excluded.invalidity_date, until = excluded.until, \
            changed_by = excluded.changed_by",
};

fn revocations(rows: &MemoryRows) -> Vec<[Value; 10]> {
    // Of several acts on one certificate the last counts.
    let mut seen = std::collections::HashSet::new();
    let last = rows.revocations.iter().rev();
    let mut lines: Vec<_> = last
        .filter(|row| row.standing != Standing::Intended && seen.insert(&row.id))
        .filter_map(|row| {
            let (status, reason, invalidity_date, until) = decode::standing_columns(row.standing)?;
            Some([
                row.id.issuer.0.into(),
                row.shard.into(),
                row.id.serial.as_bytes().into(),
                status.into(),
                row.at.seconds().into(),
                Value::Integer(reason.map(i64::from)),
                Value::Integer(invalidity_date),
                Value::Integer(until),
                row.not_after.seconds().into(),
                row.audit.into(),
            ])
        })
        .collect();
    lines.reverse();
    lines
}

const CRL_NUMBER: Into = Into {
    table: "crl_number",
    columns: "issuer, shard, number, reserved_at",
    known: "",
};

fn numbers(rows: &MemoryRows) -> Vec<[Value; 4]> {
    let changes = rows.numbers.changes().into_iter();
    changes
        .filter_map(|((issuer, shard, number), at)| {
            let issuer: &KeyId = issuer;
            Some([
                issuer.0.into(),
                (*shard).into(),
                (*number).into(),
                at?.seconds().into(),
            ])
        })
        .collect()
}

const CRL: Into = Into {
    table: "crl",
    columns: "issuer, shard, number, kind, base, this_update, next_update, digest",
    known: "",
};

fn lists(rows: &MemoryRows) -> Vec<[Value; 8]> {
    let changes = rows.new_lists.changes().into_iter();
    changes
        .filter_map(|(_, crl)| {
            let crl = crl?;
            let base = match crl.kind {
                CrlKind::Complete => Value::Integer(None),
                CrlKind::Delta { base } => base.into(),
            };
            Some([
                crl.issuer.0.into(),
                crl.shard.into(),
                crl.number.into(),
                decode::crl_kind_name(crl.kind).into(),
                base,
                crl.this_update.seconds().into(),
                crl.next_update.seconds().into(),
                crl.digest.0.into(),
            ])
        })
        .collect()
}

fn successor(status: DocumentStatus) -> Value {
    match status {
        DocumentStatus::Superseded { successor } => successor.0.into(),
        _ => Value::Octets(None),
    }
}

const DOCUMENT: Into = Into {
    table: "document",
    columns: "locator, sealed, digest, issuer, class, idempotency, idempotency_key, \
              registered_at, version, status, since, successor",
    known: "ON CONFLICT (locator) DO UPDATE SET version = excluded.version, \
            status = excluded.status, since = excluded.since, successor = excluded.successor",
};

fn documents(rows: &MemoryRows) -> Vec<[Value; 12]> {
    let changes = rows.documents.changes().into_iter();
    changes
        .filter_map(|(locator, record)| {
            let record = record?;
            let document = &record.document;
            let key = decode::idempotency(&document.issuer, &document.idempotency_key);
            Some([
                locator.0.into(),
                document.sealed.as_slice().into(),
                document.digest.0.into(),
                document.issuer.as_str().into(),
                document.class.into(),
                key.into(),
                document.idempotency_key.0.into(),
                record.registered_at.seconds().into(),
                record.status.version.into(),
                decode::document_status_name(record.status.status).into(),
                record.status.since.seconds().into(),
                successor(record.status.status),
            ])
        })
        .collect()
}

const LEAF: Into = Into {
    table: "register_leaf",
    columns: "audit, locator, version, octets, detail",
    known: "",
};

fn leaves(rows: &MemoryRows) -> Vec<[Value; 5]> {
    rows.new_leaves
        .iter()
        .map(|(audit, leaf)| {
            [
                (*audit).into(),
                leaf.locator.0.into(),
                leaf.version.into(),
                leaf.octets.as_slice().into(),
                octets(leaf.detail.as_deref()),
            ]
        })
        .collect()
}

fn document_changes(rows: &MemoryRows) -> Vec<[Value; 6]> {
    rows.document_changes
        .iter()
        .map(|(locator, change)| {
            [
                locator.0.into(),
                change.version.into(),
                decode::document_status_name(change.status).into(),
                change.since.seconds().into(),
                change.why.as_str().into(),
                successor(change.status),
            ]
        })
        .collect()
}
