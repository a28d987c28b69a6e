//! The rules' view of a transaction: rows that were read before, in memory, and what changes in them.
//!
//! A rule that asks for a row which is not here ends with an error, and the row stands among the wanted
//! ones. They are read, and the rules run again from the beginning: they depend on nothing else.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use esign_core::time::UnixTime;

use crate::acts::{Act, Change};
use crate::ids::{CertificateId, HolderId, IdempotencyKey, KeyId, Locator, Name, RequestId};
use crate::officers::Officer;
use crate::records::{
    CertificateRecord, Crl, CrlKind, Document, DocumentChange, DocumentRecord, DocumentStatus,
    Holder, Issuer, NewLeaf, Request, RequestRecord, RequestStatus, Standing, Stop, SubjectRecord,
};
use crate::store::rows::{IntentRow, Rows, StandingRow};
use crate::store::{StoreError, StoreErrorKind, decode};

/// The rows of one table by one of its keys.
pub(super) struct Table<K, V> {
    /// As in the transaction; `None` is a row that is not in the database.
    rows: HashMap<K, Option<V>>,
    pub(super) wanted: HashSet<K>,
    /// What was changed, in its order, and what was known of it before.
    changed: Vec<(K, Option<Option<V>>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            wanted: HashSet::new(),
            changed: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Table<K, V> {
    fn get(&mut self, key: &K) -> Result<Option<V>, StoreError> {
        match self.rows.get(key) {
            Some(row) => Ok(row.clone()),
            None => {
                self.wanted.insert(key.clone());
                Err(missing())
            }
        }
    }

    /// Wants the row, unless it is here.
    pub(super) fn want(&mut self, key: K) {
        if !self.rows.contains_key(&key) {
            self.wanted.insert(key);
        }
    }

    fn put(&mut self, key: K, value: Option<V>) {
        let before = self.rows.insert(key.clone(), value);
        self.changed.push((key, before));
    }

    /// Takes what was read: wanted rows that were not found are not in the database.
    pub(super) fn loaded(&mut self, found: impl IntoIterator<Item = (K, V)>) {
        for key in self.wanted.drain() {
            self.rows.entry(key).or_insert(None);
        }
        for (key, value) in found {
            // What was changed here since is newer than what stands in the database.
            match self.rows.entry(key) {
                std::collections::hash_map::Entry::Occupied(mut there) => {
                    if there.get().is_none() {
                        there.insert(Some(value));
                    }
                }
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(Some(value));
                }
            }
        }
    }

    fn undo_to(&mut self, mark: usize) {
        while self.changed.len() > mark
            && let Some((key, before)) = self.changed.pop()
        {
            match before {
                Some(before) => self.rows.insert(key, before),
                None => self.rows.remove(&key),
            };
        }
    }

    /// The rows that changed, each once as it is now, in the order of their first change.
    pub(super) fn changes(&self) -> Vec<(&K, Option<&V>)> {
        let mut seen = HashSet::new();
        self.changed
            .iter()
            .filter(|(key, _)| seen.insert(key))
            .map(|(key, _)| (key, self.rows.get(key).and_then(Option::as_ref)))
            .collect()
    }
}

fn missing() -> StoreError {
    StoreError::new(StoreErrorKind::Bug, "row", "was not read")
}

/// An entry of the audit as it will be written.
pub(super) struct AuditRow {
    pub(super) id: u64,
    pub(super) at: i64,
    pub(super) actor: String,
    pub(super) why: String,
    pub(super) kind: &'static str,
    pub(super) object: Option<Vec<u8>>,
    pub(super) body: String,
}

/// A line of the table of revocations as it will be written.
pub(super) struct RevocationRow {
    pub(super) id: CertificateId,
    pub(super) shard: u32,
    pub(super) standing: Standing,
    pub(super) at: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) audit: u64,
}

/// The two keys by which issuers are found.
pub(super) type Generation = (Vec<u8>, u32);
/// A list: key, shard, kind, and its number or the newest.
pub(super) type ListKey = (KeyId, u32, &'static str, Option<u64>);

/// How far each table and list had come before a job.
#[derive(Default)]
pub(super) struct Mark {
    tables: [usize; 20],
    lists: [usize; 5],
    last_audit: u64,
}

/// Rows inside a transaction.
#[derive(Default)]
pub(super) struct MemoryRows {
    pub(super) issuers: Table<KeyId, Issuer>,
    pub(super) generations: Table<Generation, KeyId>,
    pub(super) holders: Table<HolderId, (Holder, String)>,
    pub(super) identifiers: Table<String, HolderId>,
    pub(super) requests: Table<RequestId, RequestRecord>,
    pub(super) subjects: Table<RequestId, SubjectRecord>,
    /// The newest request to renew a certificate.
    pub(super) renewals: Table<CertificateId, RequestId>,
    pub(super) officers: Table<Name, (Officer, UnixTime)>,
    pub(super) officer_keys: Table<KeyId, Name>,
    pub(super) stop: Table<(), Stop>,
    pub(super) certificates: Table<CertificateId, CertificateRecord>,
    /// When a certificate's line in the table of revocations last changed.
    pub(super) changed_at: Table<CertificateId, UnixTime>,
    /// Where certificates stand that were suspended, restored or revoked here.
    standings: Table<CertificateId, Standing>,
    pub(super) latest_numbers: Table<(KeyId, u32), u64>,
    pub(super) numbers: Table<(KeyId, u32, u64), UnixTime>,
    pub(super) lists: Table<ListKey, Crl>,
    pub(super) new_lists: Table<ListKey, Crl>,
    pub(super) documents: Table<Locator, DocumentRecord>,
    pub(super) document_keys: Table<[u8; 16], Locator>,
    /// Leaves of the register's log by document and version.
    pub(super) leaves: Table<(Locator, u32), Vec<u8>>,

    pub(super) audit: Vec<AuditRow>,
    pub(super) approvals: Vec<(RequestId, Name, UnixTime)>,
    pub(super) revocations: Vec<RevocationRow>,
    pub(super) document_changes: Vec<(Locator, DocumentChange)>,
    /// New leaves with the numbers of their audit entries.
    pub(super) new_leaves: Vec<(u64, NewLeaf)>,
    /// Number of the last audit entry.
    pub(super) last_audit: u64,
}

macro_rules! each_table {
    ($rows:expr, $name:ident => $use:expr) => {{
        let rows = $rows;
        [
            {
                let $name = &mut rows.issuers;
                $use
            },
            {
                let $name = &mut rows.generations;
                $use
            },
            {
                let $name = &mut rows.holders;
                $use
            },
            {
                let $name = &mut rows.identifiers;
                $use
            },
            {
                let $name = &mut rows.requests;
                $use
            },
            {
                let $name = &mut rows.subjects;
                $use
            },
            {
                let $name = &mut rows.renewals;
                $use
            },
            {
                let $name = &mut rows.officers;
                $use
            },
            {
                let $name = &mut rows.officer_keys;
                $use
            },
            {
                let $name = &mut rows.stop;
                $use
            },
            {
                let $name = &mut rows.certificates;
                $use
            },
            {
                let $name = &mut rows.changed_at;
                $use
            },
            {
                let $name = &mut rows.standings;
                $use
            },
            {
                let $name = &mut rows.latest_numbers;
                $use
            },
            {
                let $name = &mut rows.numbers;
                $use
            },
            {
                let $name = &mut rows.lists;
                $use
            },
            {
                let $name = &mut rows.new_lists;
                $use
            },
            {
                let $name = &mut rows.documents;
                $use
            },
            {
                let $name = &mut rows.document_keys;
                $use
            },
            {
                let $name = &mut rows.leaves;
                $use
            },
        ]
    }};
}

impl MemoryRows {
    /// Where a job begins.
    pub(super) fn mark(&mut self) -> Mark {
        Mark {
            tables: each_table!(&mut *self, table => table.changed.len()),
            lists: [
                self.audit.len(),
                self.approvals.len(),
                self.revocations.len(),
                self.document_changes.len(),
                self.new_leaves.len(),
            ],
            last_audit: self.last_audit,
        }
    }

    /// Takes back what was done since.
    pub(super) fn undo(&mut self, mark: &Mark) {
        let mut marks = mark.tables.iter().copied();
        each_table!(&mut *self, table => table.undo_to(marks.next().unwrap_or(0)));
        let [audit, approvals, revocations, changes, leaves] = mark.lists;
        self.audit.truncate(audit);
        self.approvals.truncate(approvals);
        self.revocations.truncate(revocations);
        self.document_changes.truncate(changes);
        self.new_leaves.truncate(leaves);
        self.last_audit = mark.last_audit;
    }

    /// Whether a row was asked for that is not here.
    pub(super) fn is_wanting(&mut self) -> bool {
        each_table!(&mut *self, table => !table.wanted.is_empty()).contains(&true)
    }

    /// Wants the rows that the rules for `act` look at, as far as that is known, so that those of all acts
    /// come in one go. What is left out here is read one after the other.
    pub(super) fn foresee(&mut self, act: &Act) {
        match &act.change {
            Change::AddIssuer(issuer) => {
                self.issuers.want(issuer.key);
                let generation = (issuer.subject.clone(), issuer.generation);
                self.generations.want(generation);
            }
            Change::RecordHolder(holder) => {
                self.holders.want(holder.id);
                let identifier = holder.identity.identifier().to_owned();
                self.identifiers.want(identifier);
            }
            Change::ReceiveRequest(request) => {
                self.requests.want(request.id);
                if let Some(holder) = request.holder {
                    self.holders.want(holder);
                }
            }
            Change::ClaimSubject(subject) | Change::VetSubject(subject) => {
                self.requests.want(subject.request);
                self.subjects.want(subject.request);
                if let Some(holder) = subject.holder {
                    self.holders.want(holder);
                }
            }
            Change::Renew { request, .. } => {
                self.requests.want(request.id);
                if let Some(former) = &request.former {
                    self.certificates.want(former.clone());
                    self.renewals.want(former.clone());
                }
            }
            Change::SetOfficer(officer) => {
                self.officers.want(officer.name.clone());
                self.officer_keys.want(officer.key);
            }
            Change::StopIssuance | Change::ResumeIssuance => self.stop.want(()),
            Change::ApproveRequest(id) => {
                self.requests.want(*id);
                self.subjects.want(*id);
            }
            Change::RefuseRequest(id) => self.requests.want(*id),
            Change::Intend(intent) => {
                self.certificates.want(intent.id.clone());
                self.issuers.want(intent.id.issuer);
                self.stop.want(());
                self.requests.want(intent.request);
            }
            Change::Issue { id, .. } => {
                self.certificates.want(id.clone());
                // Known once the certificate is.
                if let Some(Some(record)) = self.certificates.rows.get(id) {
                    self.requests.want(record.request);
                }
            }
            Change::Archive(id) | Change::Publish(id) => self.certificates.want(id.clone()),
            Change::Suspend { id, .. } | Change::Restore(id) | Change::Revoke { id, .. } => {
                self.certificates.want(id.clone());
                self.changed_at.want(id.clone());
            }
            Change::ReserveCrlNumber { issuer, shard, .. } => {
                self.issuers.want(*issuer);
                self.latest_numbers.want((*issuer, *shard));
            }
            Change::PublishCrl(crl) => {
                let kind = decode::crl_kind_name(crl.kind);
                self.numbers.want((crl.issuer, crl.shard, crl.number));
                self.lists
                    .want((crl.issuer, crl.shard, kind, Some(crl.number)));
                self.lists.want((crl.issuer, crl.shard, kind, None));
            }
            Change::RegisterDocument(document) => {
                self.documents.want(document.locator);
                self.document_keys.want(decode::idempotency(
                    &document.issuer,
                    &document.idempotency_key,
                ));
            }
            Change::ChangeDocument { locator, .. } => self.documents.want(*locator),
            Change::LogDocument(leaf) => {
                self.documents.want(leaf.locator);
                self.leaves.want((leaf.locator, leaf.version));
            }
        }
    }

    /// Changes a row that the rules have just read.
    fn edit<K: Clone + Eq + Hash, V: Clone>(
        table: &mut Table<K, V>,
        key: &K,
        change: impl FnOnce(&mut V),
    ) -> Result<(), StoreError> {
        let mut row = table.get(key)?.ok_or_else(|| {
            StoreError::new(StoreErrorKind::Bug, "row", "is changed and not there")
        })?;
        change(&mut row);
        table.put(key.clone(), Some(row));
        Ok(())
    }
}

impl Rows for MemoryRows {
    fn append_audit(
        &mut self,
        act: &Act,
        object: Option<&CertificateId>,
        body: &str,
    ) -> Result<u64, StoreError> {
        self.last_audit = self.last_audit.saturating_add(1);
        self.audit.push(AuditRow {
            id: self.last_audit,
            at: act.at.seconds(),
            actor: act.by.as_str().to_owned(),
            why: act.why.clone(),
            kind: act.change.kind(),
            object: object.map(decode::object_key),
            body: body.to_owned(),
        });
        Ok(self.last_audit)
    }

    fn issuer(&mut self, key: &KeyId) -> Result<Option<Issuer>, StoreError> {
        self.issuers.get(key)
    }

    fn issuer_of_generation(
        &mut self,
        subject: &[u8],
        generation: u32,
    ) -> Result<Option<KeyId>, StoreError> {
        self.generations.get(&(subject.to_vec(), generation))
    }

    fn insert_issuer(&mut self, issuer: &Issuer) -> Result<(), StoreError> {
        let generation = (issuer.subject.clone(), issuer.generation);
        self.generations.put(generation, Some(issuer.key));
        self.issuers.put(issuer.key, Some(issuer.clone()));
        Ok(())
    }

    fn holder(&mut self, id: &HolderId) -> Result<Option<Holder>, StoreError> {
        Ok(self.holders.get(id)?.map(|(holder, _)| holder))
    }

    fn holder_of_identifier(&mut self, identifier: &str) -> Result<Option<HolderId>, StoreError> {
        self.identifiers.get(&identifier.to_owned())
    }

    fn put_holder(&mut self, holder: &Holder, sort_name: &str) -> Result<(), StoreError> {
        if let Some((before, _)) = self.holders.get(&holder.id)? {
            let identifier = before.identity.identifier().to_owned();
            self.identifiers.put(identifier, None);
        }
        let identifier = holder.identity.identifier().to_owned();
        self.identifiers.put(identifier, Some(holder.id));
        let row = (holder.clone(), sort_name.to_owned());
        self.holders.put(holder.id, Some(row));
        Ok(())
    }

    fn request(&mut self, id: &RequestId) -> Result<Option<RequestRecord>, StoreError> {
        self.requests.get(id)
    }

    fn insert_request(
        &mut self,
        request: &Request,
        by: &Name,
        at: UnixTime,
        status: RequestStatus,
    ) -> Result<(), StoreError> {
        let record = RequestRecord {
            request: request.clone(),
            requested_by: by.clone(),
            received_at: at,
            status,
            approved_by: Vec::new(),
            certificate: None,
        };
        self.requests.put(request.id, Some(record));
        if let Some(former) = &request.former {
            self.renewals.put(former.clone(), Some(request.id));
        }
        Ok(())
    }

    fn latest_renewal(&mut self, id: &CertificateId) -> Result<Option<RequestId>, StoreError> {
        self.renewals.get(id)
    }

    fn set_request_status(
        &mut self,
        id: &RequestId,
        status: RequestStatus,
        certificate: Option<&CertificateId>,
    ) -> Result<(), StoreError> {
        Self::edit(&mut self.requests, id, |record| {
            record.status = status;
            record.certificate = certificate.cloned();
        })
    }

    fn request_subject(&mut self, id: &RequestId) -> Result<Option<SubjectRecord>, StoreError> {
        self.subjects.get(id)
    }

    fn set_request_holder(
        &mut self,
        id: &RequestId,
        holder: Option<&HolderId>,
    ) -> Result<(), StoreError> {
        Self::edit(&mut self.requests, id, |record| {
            record.request.holder = holder.copied();
        })?;
        if let Some(mut subject) = self.subjects.get(id)? {
            subject.subject.holder = holder.copied();
            self.subjects.put(*id, Some(subject));
        }
        Ok(())
    }

    fn put_request_subject(&mut self, record: &SubjectRecord) -> Result<(), StoreError> {
        self.subjects
            .put(record.subject.request, Some(record.clone()));
        Ok(())
    }

    fn insert_approval(
        &mut self,
        id: &RequestId,
        by: &Name,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        Self::edit(&mut self.requests, id, |record| {
            record.approved_by.push(by.clone());
        })?;
        self.approvals.push((*id, by.clone(), at));
        Ok(())
    }

    fn officer(&mut self, name: &Name) -> Result<Option<Officer>, StoreError> {
        Ok(self.officers.get(name)?.map(|(officer, _)| officer))
    }

    fn officer_of_key(&mut self, key: &KeyId) -> Result<Option<Officer>, StoreError> {
        match self.officer_keys.get(key)? {
            Some(name) => self.officer(&name),
            None => Ok(None),
        }
    }

    fn put_officer(&mut self, officer: &Officer, at: UnixTime) -> Result<(), StoreError> {
        if let Some((before, _)) = self.officers.get(&officer.name)? {
            self.officer_keys.put(before.key, None);
        }
        self.officer_keys
            .put(officer.key, Some(officer.name.clone()));
        let row = (officer.clone(), at);
        self.officers.put(officer.name.clone(), Some(row));
        Ok(())
    }

    fn stop(&mut self) -> Result<Option<Stop>, StoreError> {
        self.stop.get(&())
    }

    fn put_stop(&mut self, stop: Option<&Stop>) -> Result<(), StoreError> {
        self.stop.put((), stop.cloned());
        Ok(())
    }

    fn certificate(&mut self, id: &CertificateId) -> Result<Option<CertificateRecord>, StoreError> {
        let found = self.certificates.get(id)?;
        let now = self.standings.rows.get(id).copied().flatten();
        Ok(found.map(|record| CertificateRecord {
            standing: now.unwrap_or(record.standing),
            ..record
        }))
    }

    fn insert_intent(&mut self, row: &IntentRow<'_>) -> Result<(), StoreError> {
        let intent = row.intent;
        let record = CertificateRecord {
            id: intent.id.clone(),
            request: intent.request,
            profile: row.request.profile.clone(),
            holder: row.request.holder,
            subject_key: KeyId::of_spki(&row.request.public_key),
            not_before: intent.not_before,
            not_after: intent.not_after,
            shard: intent.shard,
            tbs_digest: row.tbs_digest,
            tbs: Some(intent.tbs.clone()),
            certificate: None,
            intended_at: row.at,
            issued_at: None,
            published_at: None,
            archived_at: None,
            standing: Standing::Intended,
        };
        self.certificates.put(intent.id.clone(), Some(record));
        Ok(())
    }

    fn set_issued(
        &mut self,
        id: &CertificateId,
        certificate: &[u8],
        at: UnixTime,
    ) -> Result<(), StoreError> {
        Self::edit(&mut self.certificates, id, |record| {
            record.tbs = None;
            record.certificate = Some(certificate.to_vec());
            record.issued_at = Some(at);
            if record.standing == Standing::Intended {
                record.standing = Standing::Good;
            }
        })
    }

    fn set_published(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError> {
        Self::edit(&mut self.certificates, id, |record| {
            record.published_at = Some(at);
        })
    }

    fn set_archived(&mut self, id: &CertificateId, at: UnixTime) -> Result<(), StoreError> {
        Self::edit(&mut self.certificates, id, |record| {
            record.archived_at = Some(at);
        })
    }

    fn standing_changed_at(
        &mut self,
        certificate: &CertificateRecord,
    ) -> Result<Option<UnixTime>, StoreError> {
        self.changed_at.get(&certificate.id)
    }

    fn put_standing(&mut self, row: &StandingRow<'_>) -> Result<(), StoreError> {
        let id = &row.certificate.id;
        self.standings.put(id.clone(), Some(row.standing));
        self.changed_at.put(id.clone(), Some(row.at));
        self.revocations.push(RevocationRow {
            id: id.clone(),
            shard: row.certificate.shard,
            standing: row.standing,
            at: row.at,
            not_after: row.certificate.not_after,
            audit: row.audit,
        });
        Ok(())
    }

    fn latest_crl_number(&mut self, issuer: &KeyId, shard: u32) -> Result<Option<u64>, StoreError> {
        self.latest_numbers.get(&(*issuer, shard))
    }

    fn crl_number_exists(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
    ) -> Result<bool, StoreError> {
        Ok(self.numbers.get(&(*issuer, shard, number))?.is_some())
    }

    fn insert_crl_number(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        number: u64,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.latest_numbers.put((*issuer, shard), Some(number));
        self.numbers.put((*issuer, shard, number), Some(at));
        Ok(())
    }

    fn crl(
        &mut self,
        issuer: &KeyId,
        shard: u32,
        kind: CrlKind,
        number: Option<u64>,
    ) -> Result<Option<Crl>, StoreError> {
        let kind = decode::crl_kind_name(kind);
        self.lists.get(&(*issuer, shard, kind, number))
    }

    fn insert_crl(&mut self, crl: &Crl) -> Result<(), StoreError> {
        let kind = decode::crl_kind_name(crl.kind);
        let key = (crl.issuer, crl.shard, kind, Some(crl.number));
        self.lists.put(key, Some(crl.clone()));
        self.lists
            .put((crl.issuer, crl.shard, kind, None), Some(crl.clone()));
        self.new_lists.put(key, Some(crl.clone()));
        Ok(())
    }

    fn insert_document(&mut self, document: &Document, at: UnixTime) -> Result<bool, StoreError> {
        let key = decode::idempotency(&document.issuer, &document.idempotency_key);
        let (known, used) = (
            self.documents.get(&document.locator)?,
            self.document_keys.get(&key)?,
        );
        if known.is_some() || used.is_some() {
            return Ok(false);
        }
        let record = DocumentRecord {
            document: document.clone(),
            registered_at: at,
            status: DocumentChange {
                version: 1,
                status: DocumentStatus::InForce,
                since: at,
                why: String::new(),
            },
        };
        self.documents.put(document.locator, Some(record));
        self.document_keys.put(key, Some(document.locator));
        Ok(true)
    }

    fn document(&mut self, locator: &Locator) -> Result<Option<DocumentRecord>, StoreError> {
        self.documents.get(locator)
    }

    fn document_of_key(
        &mut self,
        issuer: &Name,
        key: &IdempotencyKey,
    ) -> Result<Option<DocumentRecord>, StoreError> {
        match self.document_keys.get(&decode::idempotency(issuer, key))? {
            Some(locator) => self.documents.get(&locator),
            None => Ok(None),
        }
    }

    fn change_document(
        &mut self,
        locator: &Locator,
        change: &DocumentChange,
    ) -> Result<(), StoreError> {
        Self::edit(&mut self.documents, locator, |record| {
            record.status = change.clone();
        })?;
        self.document_changes.push((*locator, change.clone()));
        Ok(())
    }

    fn leaf(&mut self, locator: &Locator, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.leaves.get(&(*locator, version))
    }

    fn insert_leaf(&mut self, audit: u64, leaf: &NewLeaf) -> Result<(), StoreError> {
        let key = (leaf.locator, leaf.version);
        self.leaves.put(key, Some(leaf.octets.clone()));
        self.new_leaves.push((audit, leaf.clone()));
        Ok(())
    }
}
