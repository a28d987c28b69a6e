//! Keys on tokens: a `pkcs11:` URI where a file could stand.

use std::path::{Path, PathBuf};

use esign_core::keys::{KeyError, KeyErrorKind, Passphrase};
use esign_core::token::{KeyWanted, ModuleSearch, Pin, PinRequest, PinTries, TokenKey, TokenUri};
use esign_core::x509::Certificate;
use zeroize::Zeroizing;

use super::ServiceError;
use super::config::PassphraseSource;

/// Gives what a source holds; the text says what it is, for the person who is asked.
pub(super) type Secret<'a> =
    &'a dyn Fn(&PassphraseSource, &str) -> Result<Zeroizing<String>, ServiceError>;

/// Opens the key that `text` means, `certificate`'s where that is known. `module` is for URIs that name
/// none. The PIN comes from `source`, else from the file that the URI names (`pin-source`).
pub(super) fn open(
    text: &str,
    module: Option<&Path>,
    source: Option<&PassphraseSource>,
    secret: Secret<'_>,
    certificate: Option<&Certificate>,
) -> Result<TokenKey, ServiceError> {
    let uri = TokenUri::parse(text).map_err(|e| ServiceError::new("key", e))?;
    let search = ModuleSearch {
        module: module.map(PathBuf::from),
        ..ModuleSearch::default()
    };
    let key = TokenKey::open(&KeyWanted {
        uri: &uri,
        search: &search,
        ask: &|request| ask(request, source, secret),
        certificate,
    });
    key.map_err(|e| ServiceError::new(&uri, e))
}

fn ask(
    request: &PinRequest<'_>,
    source: Option<&PassphraseSource>,
    secret: Secret<'_>,
) -> Result<Option<Pin>, KeyError> {
    let token = request.token;
    let from_uri = request
        .source
        .map(|path| PassphraseSource::File(path.to_owned()));
    let Some(source) = source.or(from_uri.as_ref()) else {
        return Ok(None);
    };
    let remark = match request.tries {
        PinTries::Last => " (the LAST TRY: a wrong PIN locks it)",
        PinTries::Low => " (a wrong PIN was entered before; too many lock it)",
        PinTries::Full | PinTries::Locked => "",
    };
    if request.tries == PinTries::Low {
        tracing::warn!(%token, "a wrong PIN was entered before; too many lock the token");
    }
    let mut text = secret(source, &format!("PIN of {token}{remark}"))
        .map_err(|e| KeyError::new(KeyErrorKind::PassphraseMissing, e.to_string()))?;
    let pin = Pin::new(Passphrase::new(std::mem::take(&mut *text)));
    // Nobody answers for a PIN out of a file: a service that is started again and again would lock it.
    Ok(Some(match (source, request.tries) {
        (PassphraseSource::Prompt, PinTries::Last) => pin.even_as_last_try(),
        _ => pin,
    }))
}
