//! Keys and passphrases from where they are kept; never from an argument.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use esign_core::keys::{
    KeyError, KeyErrorKind, Passphrase, Pkcs12, PrivateKey, PublicKey, SignatureAlgorithm,
    SigningKey,
};
use esign_core::token::{TokenKey, TokenUri, is_token_uri};
use esign_core::x509::{Certificate, certificates};
use zeroize::Zeroizing;

use super::token;
use crate::failure::Failure;
use crate::files;

/// Where the passphrase of a key comes from.
#[derive(clap::Args)]
pub(crate) struct PassphraseArgs {
    /// File whose first line is the passphrase of the key, or the PIN of its token [default: ESIGN_PASSPHRASE, else a prompt]
    #[arg(long, value_name = "FILE", visible_alias = "pin-file")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The passphrase from file or environment, where one is given.
    pub(crate) fn given(&self) -> Result<Option<Passphrase>, Failure> {
        if let Some(path) = &self.passphrase_file {
            return first_line(path).map(Some);
        }
        Ok(std::env::var("ESIGN_PASSPHRASE").ok().map(Passphrase::new))
    }

    /// The passphrase, asked for at a terminal where none is given.
    pub(crate) fn ask(&self, what: &str) -> Result<Option<Passphrase>, Failure> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let typed = rpassword::prompt_password(format!("passphrase of {what}: "))
            .map_err(|e| Failure::io("passphrase", &e))?;
        Ok(Some(Passphrase::new(typed)))
    }
}

/// The first line of a file, as a passphrase.
pub(crate) fn first_line(path: &Path) -> Result<Passphrase, Failure> {
    let content = Zeroizing::new(files::read(path)?);
    let text = std::str::from_utf8(&content)
        .map_err(|_| Failure::about(&path.display(), &"the passphrase is not UTF-8"))?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    Ok(Passphrase::new(line))
}

/// A key and the certificates that came with it.
pub(crate) struct Loaded<K = PrivateKey> {
    pub(crate) key: K,
    /// Out of the key's file or token; the key's own first.
    pub(crate) certificates: Vec<Certificate>,
    /// Why no certificate came with it, where there is more to say than that.
    pub(crate) without: Option<KeyError>,
}

/// A key that signs, wherever it is.
pub(crate) enum Key {
    File(PrivateKey),
    Token(TokenKey),
}

impl SigningKey for Key {
    fn public_key(&self) -> &PublicKey {
        match self {
            Self::File(key) => key.public_key(),
            Self::Token(key) => key.public_key(),
        }
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        match self {
            Self::File(key) => key.algorithms(),
            Self::Token(key) => key.algorithms(),
        }
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::File(key) => key.sign(algorithm, message),
            Self::Token(key) => key.sign(algorithm, message),
        }
    }
}

impl<K: SigningKey> Loaded<K> {
    /// The key, its certificate and the other certificates, out of `cert` or else out of the
    /// key's own file; `path` is that of the key.
    pub(crate) fn certified(
        self,
        path: &Path,
        cert: Option<&Path>,
    ) -> Result<(K, Certificate, Vec<Certificate>), Failure> {
        let mut all = match cert {
            Some(cert) => certificates(&files::read(cert)?)
                .map_err(|e| Failure::about(&cert.display(), &e))?,
            None => self.certificates,
        };
        let spki = self.key.public_key().spki();
        let Some(own) = all.iter().position(|c| c.spki_der() == spki) else {
            let key = shown(path);
            let (what, hint) = match (cert, all.first(), self.without) {
                (Some(cert), Some(first), _) => (
                    format!(
                        "key {key} does not belong to certificate {} (\"{}\")",
                        cert.display(),
                        first.subject()
                    ),
                    "give the certificate that was issued for this key",
                ),
                (None, None, Some(why)) => (
                    why.to_string(),
                    "give the certificate with --cert FILE, or name one on the token: \
                     type=cert;object=LABEL",
                ),
                _ => (
                    format!("{key}: there is no certificate with the key"),
                    "give it with --cert FILE",
                ),
            };
            return Err(Failure::new(what).hint(hint));
        };
        let certificate = all.remove(own);
        Ok((self.key, certificate, all))
    }
}

/// Opens a key that signs: a file, or a key on a token by its `pkcs11:` URI. `cert` is the file of its
/// certificate, where one is given.
pub(crate) fn open_key(
    path: &Path,
    passphrase: &PassphraseArgs,
    cert: Option<&Path>,
) -> Result<Loaded<Key>, Failure> {
    if let Some(uri) = path.to_str().filter(|text| is_token_uri(text)) {
        return token::open(uri, passphrase, cert);
    }
    let Loaded {
        key,
        certificates,
        without,
    } = load_key(path, passphrase)?;
    Ok(Loaded {
        key: Key::File(key),
        certificates,
        without,
    })
}

/// A key's name as it may be shown: a URI can have a PIN in it.
pub(crate) fn shown(path: &Path) -> String {
    match path.to_str().filter(|text| is_token_uri(text)) {
        None => path.display().to_string(),
        Some(uri) => match TokenUri::parse(uri) {
            Ok(uri) => uri.to_string(),
            Err(_) => "pkcs11 URI".to_owned(),
        },
    }
}

/// Loads a private key: PKCS#8, SEC1, PKCS#1 (PEM or DER), or PKCS#12 with its certificates.
pub(crate) fn load_key(path: &Path, passphrase: &PassphraseArgs) -> Result<Loaded, Failure> {
    if path.to_str().is_some_and(is_token_uri) {
        return Err(
            Failure::about(&shown(path), &"a key on a token cannot be taken out of it")
                .hint("this command needs a key in a file"),
        );
    }
    let octets = Zeroizing::new(files::read(path)?);
    let failed = |e: esign_core::keys::KeyError| {
        let failure = Failure::about(&path.display(), &e);
        match e.kind() {
            KeyErrorKind::PassphraseMissing => failure
                .hint("give the passphrase with --passphrase-file FILE or in ESIGN_PASSPHRASE"),
            _ => failure,
        }
    };
    if is_pkcs12(&octets) {
        let pass = passphrase.ask(&path.display().to_string())?;
        let store = Pkcs12::decode(&octets, pass.as_ref()).map_err(failed)?;
        return from_pkcs12(path, store);
    }
    let first = PrivateKey::from_file(&octets, None);
    let key = match first {
        Err(e) if e.kind() == KeyErrorKind::PassphraseMissing => {
            let pass = passphrase.ask(&path.display().to_string())?;
            PrivateKey::from_file(&octets, pass.as_ref()).map_err(failed)?
        }
        other => other.map_err(failed)?,
    };
    // Certificates may stand beside the key in one PEM file.
    let certificates = certificates(&octets).unwrap_or_default();
    Ok(Loaded {
        key,
        certificates,
        without: None,
    })
}

fn from_pkcs12(path: &Path, store: Pkcs12) -> Result<Loaded, Failure> {
    let mut all = Vec::new();
    if let Some(own) = store.keys.first().and_then(|k| store.certificate_of(k)) {
        all.push(own.der.clone());
    }
    for certificate in &store.certificates {
        if !all.contains(&certificate.der) {
            all.push(certificate.der.clone());
        }
    }
    let count = store.keys.len();
    let refused = store.refused.first().map(ToString::to_string);
    let mut keys = store.keys.into_iter();
    let (Some(first), None) = (keys.next(), keys.next()) else {
        let what = match refused {
            Some(reason) if count == 0 => format!("no key that can be used: {reason}"),
            _ => format!("expected one key, found {count}"),
        };
        return Err(Failure::about(&path.display(), &what));
    };
    let certificates = all
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    Ok(Loaded {
        key: first.key,
        certificates,
        without: None,
    })
}

/// PFX begins with version 3 (RFC 7292 4); a PKCS#8 key has 0 or 1 there.
fn is_pkcs12(octets: &[u8]) -> bool {
    let mut r = esign_core::der::Reader::new(octets, esign_core::der::Rules::Ber);
    r.any("")
        .ok()
        .and_then(|t| t.reader("").ok())
        .and_then(|mut r| r.u32("").ok())
        == Some(3)
}
