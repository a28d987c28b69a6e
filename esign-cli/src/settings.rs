//! The configuration file: what a clerk would otherwise type every time.
//!
//! A flag goes before the environment, the environment before this file.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files::{self, Secrecy};

/// Defaults of flags. An absent field is no default; an unknown one is a mistake, for a misspelt
/// `trust` that goes unnoticed would trust nobody.
#[derive(Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Language for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lang: Option<String>,
    /// Certificates to trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) trust: Vec<PathBuf>,
    /// Revocation lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) crl: Vec<PathBuf>,
    /// Addresses of time-stamping authorities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tsa: Vec<String>,
    /// Folder of the register of document codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) register: Option<PathBuf>,
}

impl Settings {
    /// Where the file is: `ESIGN_CONFIG`, else below `XDG_CONFIG_HOME`, else below `~/.config`.
    pub(crate) fn path() -> Option<PathBuf> {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        if let Some(named) = variable("ESIGN_CONFIG") {
            return Some(named.into());
        }
        let below = match variable("XDG_CONFIG_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(variable("HOME")?).join(OsStr::new(".config")),
        };
        Some(below.join("esign").join("config.toml"))
    }

    /// Reads the file; where there is none, nothing has a default.
    pub(crate) fn load() -> Result<Self, Failure> {
        let Some(path) = Self::path().filter(|p| p.exists()) else {
            return Ok(Self::default());
        };
        let shown = path.display();
        let octets = files::read(&path)?;
        let text = std::str::from_utf8(&octets)
            .map_err(|_| Failure::about(&shown, &"the configuration is not UTF-8"))?;
        let settings: Self = toml::from_str(text).map_err(|e| {
            let start = e.span().map_or(0, |s| s.start);
            let before = text.as_bytes().get(..start).unwrap_or_default();
            let line = before.iter().filter(|b| **b == b'\n').count() + 1;
            Failure::about(&shown, &format!("line {line}: {}", e.message())).hint(
                "the settings are lang, trust, crl, tsa and register; see esign config --help",
            )
        })?;
        match settings.lang.as_deref() {
            None | Some("az" | "en") => Ok(settings),
            Some(other) => Err(Failure::about(
                &shown,
                &format!("lang is \"{other}\", expected az or en"),
            )),
        }
    }

    /// Writes the file, and its folder where there is none.
    pub(crate) fn store(&self) -> Result<PathBuf, Failure> {
        let path = Self::path().ok_or_else(|| {
            Failure::new("there is no home folder to keep the configuration in")
                .hint("name the file in ESIGN_CONFIG")
        })?;
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|e| Failure::io(&folder.display().to_string(), &e))?;
        }
        files::write(&path, self.text()?.as_bytes(), true, Secrecy::Public)?;
        Ok(path)
    }

    /// The settings as they stand in the file.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        toml::to_string(self).map_err(|e| Failure::new(format!("configuration: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings {
            lang: Some("az".to_owned()),
            trust: vec!["/a b/root.pem".into()],
            crl: Vec::new(),
            tsa: Vec::new(),
            register: None,
        };
        assert_eq!(
            toml::from_str::<Settings>(&settings.text().unwrap()).unwrap(),
            settings
        );
        assert!(toml::from_str::<Settings>("trsut = []").is_err());
    }
}
