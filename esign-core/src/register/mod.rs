//! The register's types and rules: what a document's record is, what is kept of it, and what a
//! check concludes. No storage and no network.

mod answer;
mod leaf;
mod record;
mod sealed_box;
mod status_list;
mod verdict;

pub use answer::{Answer, AnswerError, Found, MAX_NONCE};
pub use leaf::{Leaf, LeafError, LeafKind, StatusStatement, issue_commitment, status_of_number};
pub use record::{Record, RecordError};
pub use sealed_box::{BoxContent, BoxError, open_box, seal_box};
pub use status_list::{
    MAX_LISTED, StatusList, StatusListError, StatusListHead, UnsignedStatusList, sid,
};
pub use verdict::{
    Asked, Check, FileEvidence, Held, IssuerKey, IssuerKeys, Known, Standing, Verdict, check,
};
