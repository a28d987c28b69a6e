//! Who may act for the centre, and as what.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{KeyId, Name};

/// What a person, or a program, may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Names officers and stops issuance.
    Administrator,
    /// Approves what others asked for and vetted, and has it issued.
    Approver,
    /// Reads everything, the audit log too, and changes nothing.
    Auditor,
    /// An e-service: asks for certificates and follows what it asked for.
    Client,
    /// Vets identities, asks for certificates, searches holders.
    Registrar,
    /// Suspends, restores, revokes.
    RevocationOfficer,
}

impl Role {
    /// Every role, in the order of its name.
    pub const ALL: [Self; 6] = [
        Self::Administrator,
        Self::Approver,
        Self::Auditor,
        Self::Client,
        Self::Registrar,
        Self::RevocationOfficer,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Client => "client",
            Self::Registrar => "registrar",
            Self::RevocationOfficer => "revocation-officer",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Somebody who may act, known by the key of his client certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Officer {
    /// The name that stands under his acts.
    pub name: Name,
    /// The key of his client certificate; his alone.
    pub key: KeyId,
    /// What he may do, each role once, in order; none once he is dismissed.
    pub roles: Vec<Role>,
}

impl Officer {
    /// An officer with these roles, in their order and each once.
    pub fn new(name: Name, key: KeyId, roles: impl IntoIterator<Item = Role>) -> Self {
        let mut roles: Vec<Role> = roles.into_iter().collect();
        roles.sort_unstable();
        roles.dedup();
        Self { name, key, roles }
    }

    /// Whether he has this role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The names of his roles, with commas between.
    pub fn role_names(&self) -> String {
        let names: Vec<_> = self.roles.iter().map(|role| role.name()).collect();
        names.join(",")
    }
}
