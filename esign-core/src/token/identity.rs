use core::fmt;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::slot::{Slot, TokenInfo};

use super::fault::Fault;
use super::uri::{Wanted, encode_path};

/// Who a token says it is. Blank padding is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// Label given when it was set up; up to 32 octets.
    pub label: String,
    /// Manufacturer; up to 32 octets.
    pub manufacturer: String,
    /// Model; up to 16 octets.
    pub model: String,
    /// Serial number; up to 16 octets.
    pub serial: String,
}

impl TokenIdentity {
    pub(super) fn of(info: &TokenInfo) -> Self {
        Self {
            label: info.label().to_owned(),
            manufacturer: info.manufacturer_id().to_owned(),
            model: info.model().to_owned(),
            serial: info.serial_number().to_owned(),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            token: Some(self.label.clone()),
            manufacturer: Some(self.manufacturer.clone()),
            model: Some(self.model.clone()),
            serial: Some(self.serial.clone()),
            ..Wanted::default()
        }
    }

    /// A URI that means this token.
    pub fn uri(&self) -> String {
        format!(
            "pkcs11:token={};serial={}",
            encode_path(&self.label),
            encode_path(&self.serial)
        )
    }
}

impl fmt::Display for TokenIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token \"{}\"", self.label.escape_debug())?;
        if !self.serial.is_empty() {
            write!(f, " (serial {})", self.serial.escape_debug())?;
        }
        Ok(())
    }
}

/// What a search for tokens found.
pub(super) struct Found {
    pub(super) matches: Vec<(Slot, TokenIdentity)>,
    /// The others, for people.
    pub(super) others: Vec<String>,
}

/// The tokens that a URI's path component means.
pub(super) fn matching(module: &Pkcs11, wanted: &Wanted) -> Result<Found, Fault> {
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| w == value);
    let mut found = Found {
        matches: Vec::new(),
        others: Vec::new(),
    };
    // Not every module fills this in as the crate wants it; it is asked for only where it matters.
    if wanted.library_manufacturer.is_some()
        || wanted.library_description.is_some()
        || wanted.library_version.is_some()
    {
        let library = module.get_library_info()?;
        let version = library.library_version();
        let version = (version.major(), version.minor());
        if !is(&wanted.library_manufacturer, library.manufacturer_id())
            || !is(&wanted.library_description, library.library_description())
            || wanted.library_version.is_some_and(|w| w != version)
        {
            found.others.push(format!(
                "library \"{}\" {}.{} of \"{}\"",
                library.library_description().escape_debug(),
                version.0,
                version.1,
                library.manufacturer_id().escape_debug(),
            ));
            return Ok(found);
        }
    }
    for slot in module.get_slots_with_token()? {
        let info = match module.get_token_info(slot) {
            Ok(info) => info,
            // A card of another kind in another reader is no reason to stop.
            Err(Error::Pkcs11(RvError::TokenNotPresent, _)) => continue,
            Err(_) => {
                found
                    .others
                    .push(format!("an unreadable token in slot {}", slot.id()));
                continue;
            }
        };
        if !info.token_initialized() {
            continue;
        }
        let token = TokenIdentity::of(&info);
        let slot_matches = || -> Result<bool, Fault> {
            if wanted.slot_description.is_none() && wanted.slot_manufacturer.is_none() {
                return Ok(true);
            }
            let info = module.get_slot_info(slot)?;
            Ok(is(&wanted.slot_description, info.slot_description())
                && is(&wanted.slot_manufacturer, info.manufacturer_id()))
        };
        if is(&wanted.token, &token.label)
            && is(&wanted.manufacturer, &token.manufacturer)
            && is(&wanted.model, &token.model)
            && is(&wanted.serial, &token.serial)
            && wanted.slot_id.is_none_or(|id| id == slot.id())
            && slot_matches()?
        {
            found.matches.push((slot, token));
        } else {
            found.others.push(token.uri());
        }
    }
    Ok(found)
}
