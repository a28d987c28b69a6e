//! Reading the rows that the rules want, each table by one statement, all statements at once.

use deadpool_postgres::Object;
use esign_core::time::UnixTime;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::Shared;
use super::failure::{Failure, failed};
use super::rows::MemoryRows;
use super::source::PostgresCells;
use crate::ids::HolderId;
use crate::ids::{CertificateId, KeyId, Locator, RequestId};
use crate::store::cells::{Cells, Columns, Impossible, Value};
use crate::store::{decode, read};

/// One column of many rows, as a parameter.
#[derive(Debug)]
pub(super) enum Array {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Octets(Vec<Option<Vec<u8>>>),
}

impl ToSql for Array {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Integers(values) if *ty == Type::INT8_ARRAY => values.to_sql(ty, out),
            Self::Texts(values) if *ty == Type::TEXT_ARRAY => values.to_sql(ty, out),
            Self::Octets(values) if *ty == Type::BYTEA_ARRAY => values.to_sql(ty, out),
            _ => Err(format!("a list of parameters is bound to {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Array {
    /// The type of the parameter.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Integers(_) => "BIGINT[]",
            Self::Texts(_) => "TEXT[]",
            Self::Octets(_) => "BYTEA[]",
        }
    }
}

/// Rows of values as columns; all rows have values of the same types.
pub(super) fn transposed(rows: Vec<impl IntoIterator<Item = Value>>) -> Vec<Array> {
    let mut columns: Vec<Array> = Vec::new();
    for (n, row) in rows.into_iter().enumerate() {
        for (place, value) in row.into_iter().enumerate() {
            if n == 0 {
                columns.push(match value {
                    Value::Integer(_) => Array::Integers(Vec::new()),
                    Value::Text(_) => Array::Texts(Vec::new()),
                    Value::Octets(_) => Array::Octets(Vec::new()),
                });
            }
            match (columns.get_mut(place), value) {
                (Some(Array::Integers(values)), Value::Integer(value)) => values.push(value),
                (Some(Array::Texts(values)), Value::Text(value)) => values.push(value),
                (Some(Array::Octets(values)), Value::Octets(value)) => values.push(value),
                // A column of two types: the statement refuses it, as its lengths differ.
                _ => {}
            }
        }
    }
    columns
}

/// The keys that are wanted of a table as parameters.
fn keys<'k, K: 'k, const N: usize>(
    wanted: impl IntoIterator<Item = &'k K>,
    values: impl Fn(&K) -> [Value; N],
) -> Vec<Array> {
    transposed(wanted.into_iter().map(values).collect())
}

impl Shared {
    /// What a statement finds by its parameters; nothing where there are none.
    async fn found<K, V>(
        &self,
        client: &Object,
        sql: &str,
        keys: Vec<Array>,
        decode: impl Fn(&mut dyn Cells) -> Result<(K, V), Impossible>,
    ) -> Result<Vec<(K, V)>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let doing = "reading what acts are about";
        let wrong = |error| failed(&self.object, doing, error);
        let statement = client.prepare_cached(sql).await.map_err(wrong)?;
        let parameters: Vec<_> = keys
            .iter()
            .map(|array| -> &(dyn ToSql + Sync) { array })
            .collect();
        let rows = client.query(&statement, &parameters).await.map_err(wrong)?;
        rows.iter()
            .map(|row| decode(&mut PostgresCells::of(row)))
            .collect::<Result<_, _>>()
            .map_err(|impossible| Failure::last(self.corrupt(doing, &impossible.0)))
    }

    /// Reads the wanted rows.
    pub(super) async fn load(&self, client: &Object, rows: &mut MemoryRows) -> Result<(), Failure> {
        let by_id = |sql: &str| format!("{sql} WHERE id = ANY($1)");
        let sql = [
            format!("{} WHERE key = ANY($1)", read::ISSUER),
            by_id(read::HOLDER),
            by_id(read::REQUEST),
            format!("{} WHERE s.request = ANY($1)", read::SUBJECT),
            format!("{} WHERE name = ANY($1)", read::OFFICER),
            format!("{} {OF_KEYS}", read::CERTIFICATE),
            format!("{} WHERE locator = ANY($1)", read::DOCUMENT),
        ];
        let [
            issuer,
            holder,
            request,
            subject,
            officer,
            certificate,
            document,
        ] = &sql;
        let (numbered, newest): (Vec<_>, Vec<_>) =
            rows.lists.wanted.iter().partition(|key| key.3.is_some());
        let stop = match rows.stop.wanted.is_empty() {
            true => Vec::new(),
            false => vec![Array::Integers(vec![Some(1)])],
        };
        let one = |octets: &[u8]| [Value::from(octets)];
        let pair = |id: &CertificateId| [id.issuer.0.into(), id.serial.as_bytes().into()];
        let first = async {
            tokio::try_join!(
                self.found(
                    client,
                    issuer,
                    keys(&rows.issuers.wanted, |key| one(&key.0)),
                    |row| decode::issuer(row).map(|issuer| (issuer.key, issuer))
                ),
                self.found(
                    client,
                    GENERATIONS,
                    keys(&rows.generations.wanted, |(subject, generation)| [
                        subject.as_slice().into(),
                        (*generation).into()
                    ]),
                    |row| {
                        let mut columns = Columns(row);
                        let key = (columns.take()?, columns.take()?);
                        Ok((key, KeyId(columns.take()?)))
                    }
                ),
                self.found(
                    client,
                    holder,
                    keys(&rows.holders.wanted, |id| one(&id.0)),
                    // The name to sort by is made anew when the row is written.
                    |row| decode::holder(row).map(|holder| (holder.id, (holder, String::new())))
                ),
                self.found(
                    client,
                    "SELECT identifier, id FROM holder WHERE identifier = ANY($1)",
                    keys(&rows.identifiers.wanted, |text| [text.as_str().into()]),
                    |row| {
                        let mut columns = Columns(row);
                        Ok((columns.take::<String>()?, HolderId(columns.take()?)))
                    }
                ),
                self.found(
                    client,
                    request,
                    keys(&rows.requests.wanted, |id| one(&id.0)),
                    |row| decode::request(row).map(|record| (record.request.id, record))
                ),
                self.found(
                    client,
                    subject,
                    keys(&rows.subjects.wanted, |id| one(&id.0)),
                    |row| decode::subject(row).map(|record| (record.subject.request, record))
                ),
                self.found(
                    client,
                    LATEST_RENEWALS,
                    keys(&rows.renewals.wanted, pair),
                    |row| {
                        let id = decode::certificate_id(row)?;
                        Ok((id, RequestId(Columns(row).take()?)))
                    }
                ),
                self.found(
                    client,
                    certificate,
                    keys(&rows.certificates.wanted, pair),
                    |row| decode::certificate(row).map(|record| (record.id.clone(), record))
                ),
                self.found(
                    client,
                    CHANGED_AT,
                    keys(&rows.changed_at.wanted, pair),
                    |row| {
                        let id = decode::certificate_id(row)?;
                        Ok((id, Columns(row).time()?))
                    }
                ),
            )
        };
        let second = async {
            tokio::try_join!(
                self.found(
                    client,
                    officer,
                    keys(&rows.officers.wanted, |name| [name.as_str().into()]),
                    |row| {
                        let officer = decode::officer(row)?;
                        Ok((officer.name.clone(), (officer, UnixTime::from_seconds(0))))
                    }
                ),
                self.found(
                    client,
                    "SELECT key, name FROM officer WHERE key = ANY($1)",
                    keys(&rows.officer_keys.wanted, |key| one(&key.0)),
                    |row| {
                        let mut columns = Columns(row);
                        Ok((KeyId(columns.take()?), columns.name()?))
                    }
                ),
                self.found(
                    client,
                    "SELECT since, actor, why FROM stop WHERE one = ANY($1)",
                    stop,
                    |row| decode::stop(row).map(|stop| ((), stop))
                ),
                self.found(
                    client,
                    LATEST_NUMBERS,
                    keys(&rows.latest_numbers.wanted, |(issuer, shard)| [
                        issuer.0.into(),
                        (*shard).into()
                    ]),
                    |row| {
                        let mut columns = Columns(row);
                        let key = (KeyId(columns.take()?), columns.take()?);
                        Ok((key, columns.take()?))
                    }
                ),
                self.found(
                    client,
                    NUMBERS,
                    keys(&rows.numbers.wanted, |(issuer, shard, number)| [
                        issuer.0.into(),
                        (*shard).into(),
                        (*number).into()
                    ]),
                    |row| {
                        let mut columns = Columns(row);
                        let issuer = KeyId(columns.take()?);
                        let key = (issuer, columns.take()?, columns.take()?);
                        Ok((key, columns.time()?))
                    }
                ),
                self.found(
                    client,
                    LISTS,
                    keys(numbered, |(issuer, shard, kind, number)| [
                        issuer.0.into(),
                        (*shard).into(),
                        (*kind).into(),
                        number.unwrap_or(0).into()
                    ]),
                    list
                ),
                self.found(
                    client,
                    NEWEST_LISTS,
                    keys(newest, |(issuer, shard, kind, _)| [
                        issuer.0.into(),
                        (*shard).into(),
                        (*kind).into()
                    ]),
                    list
                ),
                self.found(
                    client,
                    document,
                    keys(&rows.documents.wanted, |locator| one(&locator.0)),
                    |row| decode::document(row).map(|record| (record.document.locator, record))
                ),
                self.found(
                    client,
                    "SELECT idempotency, locator FROM document WHERE idempotency = ANY($1)",
                    keys(&rows.document_keys.wanted, |key| one(key)),
                    |row| {
                        let mut columns = Columns(row);
                        Ok((columns.take()?, Locator(columns.take()?)))
                    }
                ),
                self.found(
                    client,
                    LEAVES,
                    keys(&rows.leaves.wanted, |(locator, version)| {
                        [locator.0.into(), (*version).into()]
                    }),
                    |row| {
                        let mut columns = Columns(row);
                        let key = (Locator(columns.take()?), columns.take()?);
                        Ok((key, columns.take()?))
                    }
                ),
            )
        };
        let (first, second) = tokio::try_join!(first, second)?;
        let (
            issuers,
            generations,
            holders,
            identifiers,
            requests,
            subjects,
            renewals,
            certificates,
            changed,
        ) = first;
        let (
            officers,
            officer_keys,
            stop,
            latest,
            numbers,
            numbered,
            newest,
            documents,
            used,
            leaves,
        ) = second;
        rows.issuers.loaded(issuers);
        rows.generations.loaded(generations);
        rows.holders.loaded(holders);
        rows.identifiers.loaded(identifiers);
        rows.requests.loaded(requests);
        rows.subjects.loaded(subjects);
        rows.renewals.loaded(renewals);
        rows.certificates.loaded(certificates);
        rows.changed_at.loaded(changed);
        rows.officers.loaded(officers);
        rows.officer_keys.loaded(officer_keys);
        rows.stop.loaded(stop);
        rows.latest_numbers.loaded(latest);
        rows.numbers.loaded(numbers);
        let numbered = numbered
            .into_iter()
            .map(|((issuer, shard, kind), list)| ((issuer, shard, kind, Some(list.number)), list));
        let newest = newest
            .into_iter()
            .map(|((issuer, shard, kind), list)| ((issuer, shard, kind, None), list));
        rows.lists.loaded(numbered.chain(newest));
        rows.documents.loaded(documents);
        rows.document_keys.loaded(used);
        rows.leaves.loaded(leaves);
        Ok(())
    }
}

type ListOf = ((KeyId, u32, &'static str), crate::records::Crl);

/// issuer, shard, and the columns of a CRL.
fn list(row: &mut dyn Cells) -> Result<ListOf, Impossible> {
    let mut columns = Columns(row);
    let (issuer, shard) = (KeyId(columns.take()?), columns.take()?);
    let list = decode::crl(row, &issuer, shard)?;
    Ok(((issuer, shard, decode::crl_kind_name(list.kind)), list))
}

const OF_KEYS: &str = "JOIN unnest($1::BYTEA[], $2::BYTEA[]) AS k (issuer, serial) \
     ON c.issuer = k.issuer AND c.serial = k.serial";
const GENERATIONS: &str = "SELECT i.subject, i.generation, i.key FROM issuer i \
     JOIN unnest($1::BYTEA[], $2::BIGINT[]) AS k (subject, generation) \
     ON i.subject = k.subject AND i.generation = k.generation";
const CHANGED_AT: &str = "SELECT c.issuer, c.serial, r.since FROM certificate c \
     JOIN unnest($1::BYTEA[], $2::BYTEA[]) AS k (issuer, serial) \
     ON c.issuer = k.issuer AND c.serial = k.serial \
     JOIN revocation r ON r.issuer = c.issuer AND r.shard = c.shard AND r.serial = c.serial";
const LEAVES: &str = "SELECT l.locator, l.version, l.octets FROM register_leaf l \
     JOIN unnest($1::BYTEA[], $2::BIGINT[]) AS k (locator, version) \
     ON l.locator = k.locator AND l.version = k.version";
const LATEST_RENEWALS: &str = "SELECT k.issuer, k.serial, r.id \
     FROM unnest($1::BYTEA[], $2::BYTEA[]) AS k (issuer, serial), LATERAL \
     (SELECT id FROM request WHERE former_issuer = k.issuer AND former_serial = k.serial \
     ORDER BY position DESC LIMIT 1) AS r";
const LATEST_NUMBERS: &str = "SELECT k.issuer, k.shard, n.number \
     FROM unnest($1::BYTEA[], $2::BIGINT[]) AS k (issuer, shard), LATERAL \
     (SELECT number FROM crl_number WHERE issuer = k.issuer AND shard = k.shard \
     ORDER BY number DESC LIMIT 1) AS n";
const NUMBERS: &str = "SELECT n.issuer, n.shard, n.number, n.reserved_at FROM crl_number n \
     JOIN unnest($1::BYTEA[], $2::BIGINT[], $3::BIGINT[]) AS k (issuer, shard, number) \
     ON n.issuer = k.issuer AND n.shard = k.shard AND n.number = k.number";
const LISTS: &str = "SELECT c.issuer, c.shard, c.number, c.base, c.this_update, c.next_update, \
     c.digest FROM crl c \
     JOIN unnest($1::BYTEA[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[]) \
     AS k (issuer, shard, kind, number) \
     ON c.issuer = k.issuer AND c.shard = k.shard AND c.kind = k.kind AND c.number = k.number";
const NEWEST_LISTS: &str = "SELECT k.issuer, k.shard, c.number, c.base, c.this_update, \
     c.next_update, c.digest \
     FROM unnest($1::BYTEA[], $2::BIGINT[], $3::TEXT[]) AS k (issuer, shard, kind), LATERAL \
     (SELECT number, base, this_update, next_update, digest FROM crl \
     WHERE issuer = k.issuer AND shard = k.shard AND kind = k.kind \
     ORDER BY number DESC LIMIT 1) AS c";
