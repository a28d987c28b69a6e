//! The schema, one step a file; a released step is never edited. Replicas of the version before go on
//! working while a step is taken: a step adds, it never renames or drops what they use.

/// The steps in the order in which they are taken.
pub(crate) const MIGRATIONS: [&str; 10] = [
    include_str!("migrations/0001_base.sql"),
    include_str!("migrations/0005_life.sql"),
    include_str!("migrations/0002_log.sql"),
    include_str!("migrations/0003_lease.sql"),
    include_str!("migrations/0006_intents.sql"),
    include_str!("migrations/0007_terms.sql"),
    include_str!("migrations/0008_notices.sql"),
    include_str!("migrations/0009_renewal.sql"),
    include_str!("migrations/0010_archive.sql"),
    include_str!("migrations/0011_register.sql"),
];
