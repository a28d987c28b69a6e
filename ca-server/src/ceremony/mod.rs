//! The ceremony that makes a centre whose root is kept off line, in steps. What one machine makes for
//! the other is a [`Paper`]: a text that can be read, carried, and compared by its fingerprint, which
//! two people read to each other.
//!
//! ```text
//! plan.toml                       what the centre is to be; both machines have it
//! 1  root     off line            Root::make       root key, root certificate, first list  → paper
//! 2  request  the centre's        request          issuing key, its request                → paper
//! 3  certify  off line            Root::certify    issuing certificate                     → paper
//! 4  install  the centre's        install          store, service, first officers
//!    list     off line, yearly    Root::list       the root's next list                    → paper
//! ```

mod centre;
mod paper;
mod plan;
mod root;
mod root_list;

pub use self::centre::{Installation, install, pending, request};
pub use self::paper::{Fingerprint, Paper, Step};
pub use self::plan::{FirstOfficer, Plan, Unlock};
pub use self::root::Root;
pub use self::root_list::RootList;
