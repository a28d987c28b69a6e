//! Signing where another process holds the key.
//!
//! The parent prepares a CAdES signature and hands out what is to be signed; it never sees the
//! private key. A child process, standing for a card, a token or a remote service, holds the
//! key, signs, and hands back the value; the parent finishes the message and verifies it.
//!
//! ```text
//! cargo run --example external_signer
//! ```
//!
//! Between the two: length of the algorithm's `AlgorithmIdentifier`, its DER, length of the
//! message, the message; back come the signature's length and the signature, or length zero where
//! the signer refuses. Lengths are four octets, big-endian. At the start the child hands out its
//! public key in the same way.

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use esign_core::cades::{self, SignatureParameters};
use esign_core::cms::SignedData;
use esign_core::der::Writer;
use esign_core::keys::{
    Curve, Hasher, KeyError, KeyErrorKind, KeySpec, PrivateKey, PublicKey, SignatureAlgorithm,
    SigningKey,
};
use esign_core::time::UnixTime;
use esign_core::x509::{
    Certificate, Draft, Identity, Issuer, NameBuilder, Order, Organization, Profile, Request,
    SerialNumber,
};
use ring::rand::SystemRandom;

/// Longest piece that is taken from the other side, in octets.
const MAX_PIECE: u32 = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("signer") {
        return keep_key();
    }
    let signer = ExternalSigner::start()?;
    let algorithm = *signer
        .algorithms()
        .first()
        .ok_or("the signer has no algorithm")?;
    let certificate = self_signed(&signer, algorithm)?;
    let content = "Müqavilə № 7, 12.03.2026".as_bytes().to_vec();

    // The first half: everything but the value. What is handed out is bytes, not a digest.
    let digest = Hasher::digest(algorithm.digest(), &content);
    let parameters = SignatureParameters {
        signing_time: UnixTime::parse("2026-11-23T10:00:00Z"),
        ..SignatureParameters::default()
    };
    let (prepared, to_be_signed) =
        cades::prepare_signature(&digest, &certificate, algorithm, &parameters)?;
    // Between the halves stands whoever has the key, for as long as it takes.
    let signature = signer.sign(to_be_signed.algorithm, &to_be_signed.bytes)?;
    // The second half.
    let message = prepared.finish(&signature)?;

    let data = SignedData::read(&message)?;
    let first = data.signers.first().ok_or("the message has no signer")?;
    first.verify(&digest, signer.public_key())?;
    println!(
        "signed by process {} with {algorithm}: a CAdES message of {} octets, verified",
        signer.id,
        message.len()
    );

    let refused = signer.sign(SignatureAlgorithm::Ed25519, b"anything");
    match refused {
        Err(e) if e.kind() == KeyErrorKind::Refused => println!("and refused: {e}"),
        _ => return Err("the signer should have refused".into()),
    }
    signer.stop()
}

/// A certificate that the key gives itself: any would do.
fn self_signed(
    key: &dyn SigningKey,
    algorithm: SignatureAlgorithm,
) -> Result<Certificate, Box<dyn Error>> {
    let name = NameBuilder::parse("CN=x")?.build()?;
    let proven = Request::sign(&name, key)?
        .verify()
        .map_err(|e| e.to_string())?;
    let identity = Identity::Organization(Organization {
        common_name: "SINAQ kənar imza".to_owned(),
        organization: "SINAQ".to_owned(),
        identifier: None,
        country: "AZ".to_owned(),
    });
    let draft = Draft::new(&Order {
        key: &proven,
        profile: &Profile::root(),
        identity: &identity,
        issuer: &Issuer {
            certificate: None,
            crl: vec![],
            ocsp: vec![],
            ca_issuers: vec![],
        },
        algorithm,
        serial: SerialNumber::random(&SystemRandom::new())?,
        not_before: UnixTime::parse("2026-01-01").ok_or("no such time")?,
        not_after: None,
    })?;
    let linted = draft.lint().value.ok_or("the draft breaks a rule")?;
    Ok(linted.sign(key)?)
}

/// The child: holds the key and signs what it is asked for, until its input ends.
fn keep_key() -> Result<(), Box<dyn Error>> {
    let key = PrivateKey::generate(KeySpec::Ec(Curve::P256))?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    write_piece(&mut output, key.public_key().spki())?;
    while let Some(algorithm) = read_piece(&mut input)? {
        let message = read_piece(&mut input)?.ok_or("the message is missing")?;
        let signature = match SignatureAlgorithm::from_der(&algorithm)? {
            Ok(algorithm) => key.sign(algorithm, &message).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        write_piece(&mut output, &signature)?;
    }
    Ok(())
}

/// The parent's side: a key that is kept elsewhere.
struct ExternalSigner {
    id: u32,
    public: PublicKey,
    algorithms: [SignatureAlgorithm; 1],
    /// One request at a time is on its way; the lock holder owns the pipe.
    pipe: Mutex<(Child, ChildStdin, ChildStdout)>,
}

impl ExternalSigner {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("signer")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe to the signer")?;
        let mut output = child.stdout.take().ok_or("no pipe from the signer")?;
        let spki = read_piece(&mut output)?.ok_or("the signer gave no public key")?;
        Ok(Self {
            id: child.id(),
            public: PublicKey::from_spki(&spki)?,
            algorithms: [SignatureAlgorithm::Ecdsa(
                esign_core::keys::DigestAlgorithm::Sha256,
            )],
            pipe: Mutex::new((child, input, output)),
        })
    }

    fn stop(self) -> Result<(), Box<dyn Error>> {
        let (mut child, input, _) = self.pipe.into_inner().map_err(|_| "the pipe broke")?;
        drop(input);
        if child.wait()?.success() {
            Ok(())
        } else {
            Err("the signer failed".into())
        }
    }
}

impl SigningKey for ExternalSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |e: io::Error| {
            KeyError::new(KeyErrorKind::Refused, format!("the signer's process: {e}"))
        };
        let mut pipe = self
            .pipe
            .lock()
            .map_err(|_| failed(io::ErrorKind::BrokenPipe.into()))?;
        let (_, input, output) = &mut *pipe;
        let mut identifier = Writer::new();
        algorithm.encode(&mut identifier);
        write_piece(input, &identifier.finish()).map_err(failed)?;
        write_piece(input, message).map_err(failed)?;
        match read_piece(output).map_err(failed)? {
            Some(signature) if !signature.is_empty() => Ok(signature),
            _ => {
                let what = format!("the signer does not sign with {algorithm}");
                Err(KeyError::new(KeyErrorKind::Refused, what))
            }
        }
    }
}

fn write_piece(to: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    let length = u32::try_from(piece.len())
        .ok()
        .filter(|&n| n <= MAX_PIECE)
        .ok_or(io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(piece)?;
    to.flush()
}

/// The next piece; `None` where the other side has ended.
fn read_piece(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_be_bytes(length);
    if length > MAX_PIECE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut piece = Vec::new();
    from.take(length.into()).read_to_end(&mut piece)?;
    if u32::try_from(piece.len()) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(piece))
}
