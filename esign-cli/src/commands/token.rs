//! Keys on cards, tokens and HSMs: where the module, the PIN and the certificate come from.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use esign_core::keys::{KeyError, KeyErrorKind, Passphrase};
use esign_core::token::{
    KeyWanted, ModuleSearch, Pin, PinRequest, PinTries, Token, TokenKey, TokenUri,
};
use esign_core::x509::{Certificate, certificates};

use super::secrets::{Key, Loaded, PassphraseArgs, first_line};
use super::trust::now;
use crate::failure::Failure;
use crate::files;

/// Names the module for URIs that name none.
const MODULE: &str = "ESIGN_PKCS11_MODULE";

/// Opens the key that a `pkcs11:` URI means; without `cert` its certificates come off the token.
pub(super) fn open(
    text: &str,
    passphrase: &PassphraseArgs,
    cert: Option<&Path>,
) -> Result<Loaded<Key>, Failure> {
    let uri = parse(text)?;
    let own = match cert {
        None => None,
        Some(cert) => {
            let all = certificates(&files::read(cert)?)
                .map_err(|e| Failure::about(&cert.display(), &e))?;
            end_entity(all)
        }
    };
    let key = TokenKey::open(&KeyWanted {
        uri: &uri,
        search: &search(),
        ask: &|request| ask(request, passphrase),
        certificate: own.as_ref(),
    })
    .map_err(|e| failed(&e))?;
    let (certificates, without) = match (cert, key.certified(now())) {
        (Some(_), _) => (Vec::new(), None),
        (None, Ok((own, mut chain))) => {
            chain.insert(0, own);
            (chain, None)
        }
        (None, Err(why)) => (Vec::new(), Some(why)),
    };
    Ok(Loaded {
        key: Key::Token(key),
        certificates,
        without,
    })
}

/// Parses a URI from the command line or the environment.
pub(super) fn parse(text: &str) -> Result<TokenUri, Failure> {
    let uri = TokenUri::parse(text).map_err(|e| Failure::new(e.to_string()))?;
    // Every user of a machine can read every argument (`ps`); the environment is the owner's alone.
    if uri.has_pin_value() && std::env::var("ESIGN_KEY").ok().as_deref() != Some(text) {
        return Err(Failure::new(format!(
            "{uri}: a PIN is not taken from an argument, where others can read it"
        ))
        .hint("give it with --pin-file FILE, pin-source=file:/PATH or ESIGN_PASSPHRASE"));
    }
    Ok(uri)
}

/// The usual places of modules, and the module of the environment.
pub(super) fn search() -> ModuleSearch {
    ModuleSearch {
        module: std::env::var_os(MODULE)
            .filter(|module| !module.is_empty())
            .map(PathBuf::from),
        ..ModuleSearch::default()
    }
}

/// The PIN: from `--pin-file`, the URI's `pin-source`, the environment, or a terminal, in this order.
/// Only whoever sits at a terminal and is told so gives one for a last try.
pub(super) fn ask(
    request: &PinRequest<'_>,
    passphrase: &PassphraseArgs,
) -> Result<Option<Pin>, KeyError> {
    let unread = |failure: Failure| KeyError::new(KeyErrorKind::PassphraseMissing, failure.message);
    let given = match (&passphrase.passphrase_file, request.source) {
        (None, Some(source)) => Some(first_line(source).map_err(unread)?),
        _ => passphrase.given().map_err(unread)?,
    };
    let token = request.token;
    if let Some(given) = given {
        if request.tries == PinTries::Low {
            eprintln!("esign: hint: {token}: a wrong PIN was entered before; too many lock it");
        }
        return Ok(Some(Pin::new(given)));
    }
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let remark = match request.tries {
        PinTries::Last => " (the LAST TRY: a wrong PIN locks it)",
        PinTries::Low => " (a wrong PIN was entered before; too many lock it)",
        PinTries::Full | PinTries::Locked => "",
    };
    let typed = rpassword::prompt_password(format!("PIN of {token}{remark}: "))
        .map_err(|e| KeyError::new(KeyErrorKind::PassphraseMissing, format!("{token}: {e}")))?;
    let pin = Pin::new(Passphrase::new(typed));
    Ok(Some(match request.tries {
        PinTries::Last => pin.even_as_last_try(),
        _ => pin,
    }))
}

/// A failure, and what can be done about it.
pub(super) fn failed(error: &KeyError) -> Failure {
    let failure = Failure::new(error.to_string());
    let hint = match error.kind() {
        KeyErrorKind::Ambiguous => "add to the URI what tells them apart, as it stands above",
        KeyErrorKind::Missing => "esign key list shows the tokens of a module and what is on them",
        KeyErrorKind::PassphraseMissing => {
            "give the PIN with --pin-file FILE, pin-source=file:/PATH in the URI, or ESIGN_PASSPHRASE"
        }
        KeyErrorKind::PassphraseLocked => {
            "a PIN from a file is never sent as the last try; type it at a terminal, or have the token unlocked"
        }
        _ => return failure,
    };
    failure.hint(hint)
}

/// The certificate of a file that the key is to belong to: the first that is no authority's.
fn end_entity(all: Vec<Certificate>) -> Option<Certificate> {
    let authority = |certificate: &Certificate| matches!(certificate.basic_constraints(), Ok(Some(constraints)) if constraints.ca);
    let own = all.iter().position(|certificate| !authority(certificate));
    all.into_iter().nth(own.unwrap_or(0))
}

/// Logs in where there is a PIN to log in with; whether it did.
pub(super) fn log_in(
    token: &Token,
    uri: &TokenUri,
    passphrase: &PassphraseArgs,
) -> Result<bool, Failure> {
    match token.log_in(uri, &|request| ask(request, passphrase)) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == KeyErrorKind::PassphraseMissing => Ok(false),
        Err(e) => Err(failed(&e)),
    }
}
