//! `openssl ocsp` as a judge: it accepts the responses that are made here, and its own are
//! accepted here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use esign_core::crl::RevocationReason;
use esign_core::keys::{DigestAlgorithm, PrivateKey, SigningKey};
use esign_core::lint;
use esign_core::ocsp::{
    CertId, CertStatus, Nonce, OcspRequest, OcspResponse, Question, RequestBuilder, ResponderId,
    ResponseBuilder, ResponseStatus, Status, judge,
};
use esign_core::time::UnixTime;
use esign_core::x509::{Certificate, certificates};

fn openssl(folder: &Path, arguments: &str) -> String {
    let out = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("openssl is a tool that the tests need");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(out.status.success(), "openssl {arguments}: {text}");
    text
}

/// The judges ask for what is made here, to show it to other linters.
fn emitted(form: &str, der: &[u8]) {
    if let Some(folder) = std::env::var_os("ESIGN_EMIT_OCSP") {
        let name: String = form
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        fs::write(Path::new(&folder).join(name + ".ocsp.der"), der).unwrap();
    }
}

/// So that they can check a signature, too.
fn emitted_with(centre: &Centre) {
    if let Some(folder) = std::env::var_os("ESIGN_EMIT_OCSP") {
        for name in ["root.pem", "leaf.pem", "responder.pem"] {
            fs::copy(centre.folder.join(name), Path::new(&folder).join(name)).unwrap();
        }
    }
}

struct Centre {
    folder: PathBuf,
    root: Certificate,
    leaf: Certificate,
    responder: Certificate,
    root_key: PrivateKey,
    responder_key: PrivateKey,
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixTime::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

fn centre(name: &str) -> Centre {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ocsp-{name}"));
    fs::create_dir_all(&folder).unwrap();
    let at = folder.as_path();
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        at,
        &format!(
            "req -x509 {new} -keyout root.key -out root.pem -subj /CN=Root -days 30 -addext keyUsage=critical,keyCertSign,cRLSign"
        ),
    );
    fs::write(
        at.join("responder.ext"),
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nnoCheck=ignored\n",
    )
    .unwrap();
    fs::write(at.join("leaf.ext"), "keyUsage=critical,nonRepudiation\n").unwrap();
    for (name, serial) in [("leaf", "0x1234"), ("responder", "0x77")] {
        openssl(
            at,
            &format!("req -new {new} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
        );
        openssl(
            at,
            &format!(
                "x509 -req -in {name}.csr -CA root.pem -CAkey root.key -set_serial {serial} -days 20 -extfile {name}.ext -out {name}.pem"
            ),
        );
    }
    let certificate = |name: &str| {
        certificates(&fs::read(at.join(name)).unwrap())
            .unwrap()
            .remove(0)
    };
    let key = |name: &str| PrivateKey::from_file(&fs::read(at.join(name)).unwrap(), None).unwrap();
    Centre {
        root: certificate("root.pem"),
        leaf: certificate("leaf.pem"),
        responder: certificate("responder.pem"),
        root_key: key("root.key"),
        responder_key: key("responder.key"),
        folder,
    }
}

/// A responder's error is an answer too.
#[test]
fn errors_are_lint_clean() {
    for status in [
        ResponseStatus::MalformedRequest,
        ResponseStatus::InternalError,
        ResponseStatus::TryLater,
        ResponseStatus::SigRequired,
        ResponseStatus::Unauthorized,
    ] {
        let der = status.error_response();
        let broken = lint::ocsp_response(&der).hits;
        assert!(broken.is_empty(), "{status:?}: {broken:?}");
        emitted(&format!("{status:?}"), &der);
    }
}

#[test]
fn openssl_accepts_what_is_made_here() {
    let c = centre("ours");
    emitted_with(&c);
    let at = c.folder.as_path();
    let revoked = CertStatus::Revoked {
        at: now().plus(-600),
        reason: Some(RevocationReason::KeyCompromise),
    };
    for (status, says) in [
        (CertStatus::Good, "leaf.pem: good"),
        (revoked, "leaf.pem: revoked"),
        (CertStatus::Unknown, "leaf.pem: unknown"),
    ] {
        for digest in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256] {
            for (own, by_name) in [(true, true), (true, false), (false, true), (false, false)] {
                let (signer, key) = if own {
                    (&c.root, &c.root_key)
                } else {
                    (&c.responder, &c.responder_key)
                };
                let id = CertId::new(c.leaf.serial().clone(), &c.root, digest).unwrap();
                let nonce = Nonce::new(&[own.into(), 7, 9, 11]);
                let request = RequestBuilder {
                    asked: vec![id.clone()],
                    nonce: nonce.clone(),
                };
                fs::write(at.join("request.der"), request.build().unwrap()).unwrap();
                let response = ResponseBuilder {
                    responder: if by_name {
                        ResponderId::ByName(signer.subject().clone())
                    } else {
                        ResponderId::of_key(key.public_key())
                    },
                    produced_at: now(),
                    statuses: vec![Status {
                        id,
                        status,
                        this_update: now(),
                        next_update: Some(now().plus(3600)),
                        archive_cutoff: Some(now().plus(-86400)),
                    }],
                    nonce,
                    extended_revoke: false,
                    certificates: if own { vec![] } else { vec![signer.clone()] },
                };
                let algorithm = key.algorithms()[0];
                let der = response.draft(algorithm).unwrap().sign(key).unwrap();
                let broken = lint::ocsp_response(&der).hits;
                assert!(broken.is_empty(), "{broken:?}");
                let form = format!("{status:?} {digest} {own} {by_name}");
                emitted(&form, &der);
                fs::write(at.join("response.der"), der).unwrap();
                let flag = format!(
                    "-{}",
                    if digest == DigestAlgorithm::Sha1 {
                        "sha1"
                    } else {
                        "sha256"
                    }
                );
                let text = openssl(
                    at,
                    "ocsp -CAfile root.pem -verify_other root.pem -respin response.der -reqin request.der",
                );
                assert!(text.contains("Response verify OK"), "{text}");
                assert!(!text.contains("WARNING"), "{text}");
                let text = openssl(
                    at,
                    &format!(
                        "ocsp -CAfile root.pem -verify_other root.pem -respin response.der -issuer root.pem {flag} -cert leaf.pem -no_nonce"
                    ),
                );
                assert!(
                    text.contains("Response verify OK") && text.contains(says),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn what_openssl_makes_is_accepted() {
    let c = centre("theirs");
    let at = c.folder.as_path();
    let until = "400101000000Z";
    for (line, revoked) in [
        (format!("V\t{until}\t\t1234\tunknown\t/CN=leaf\n"), false),
        (
            format!("R\t{until}\t260101000000Z,keyCompromise\t1234\tunknown\t/CN=leaf\n"),
            true,
        ),
    ] {
        fs::write(at.join("index.txt"), line).unwrap();
        for digest in ["-sha1", "-sha256"] {
            for signer in ["root", "responder"] {
                for by in ["", "-resp_key_id"] {
                    openssl(
                        at,
                        &format!("ocsp -issuer root.pem {digest} -cert leaf.pem -reqout q.der"),
                    );
                    openssl(
                        at,
                        &format!(
                            "ocsp -index index.txt -CA root.pem -rsigner {signer}.pem -rkey {signer}.key -reqin q.der -respout r.der -ndays 1 {by}"
                        ),
                    );
                    let request = OcspRequest::from_der(&fs::read(at.join("q.der")).unwrap());
                    let request = request.unwrap();
                    assert_eq!(request.asked()[0].names(&c.leaf, &c.root), Ok(()));
                    let response = OcspResponse::from_der(&fs::read(at.join("r.der")).unwrap());
                    let response = response.unwrap().basic.unwrap();
                    let question = Question {
                        certificate: &c.leaf,
                        issuer: &c.root,
                        at: now(),
                        nonce: Some(request.nonce().unwrap()),
                    };
                    let judged = judge(&response, &question, &[]);
                    let answer = judged
                        .value
                        .unwrap_or_else(|| panic!("{:#?}", judged.report));
                    assert_eq!(answer.delegate.is_some(), signer == "responder");
                    assert_eq!(answer.status != CertStatus::Good, revoked);
                }
            }
        }
    }
}

#[test]
fn openssl_answers_signed_requests_made_here() {
    let c = centre("signed-requests");
    let at = c.folder.as_path();
    fs::write(
        at.join("index.txt"),
        "V\t400101000000Z\t\t1234\tunknown\t/CN=leaf\n",
    )
    .unwrap();
    let id = CertId::new(c.leaf.serial().clone(), &c.root, DigestAlgorithm::Sha1).unwrap();
    let builder = RequestBuilder {
        asked: vec![id],
        nonce: Nonce::new(&[5; 32]),
    };
    let (requestor, key) = (c.responder.subject(), &c.responder_key);
    for certificates in [vec![], vec![c.responder.clone()]] {
        let with_own = !certificates.is_empty();
        let draft = builder
            .draft(requestor, certificates, key.algorithms()[0])
            .unwrap();
        let signature = key
            .sign(key.algorithms()[0], &draft.prepare().bytes)
            .unwrap();
        assert!(
            draft
                .clone()
                .finish(&signature, c.root_key.public_key())
                .is_err()
        );
        assert!(with_own == draft.clone().sign(&c.root_key).is_err());
        let finished = draft.clone().finish(&signature, key.public_key()).unwrap();
        for der in [finished, draft.sign(key).unwrap()] {
            let request = OcspRequest::from_der(&der).unwrap();
            assert_eq!(
                (request.asked(), request.nonce()),
                (&builder.asked[..], builder.nonce.as_ref())
            );
            assert_eq!(
                request.requestor().map(|r| r.to_string()),
                Some("directory:CN=responder".to_owned())
            );
            assert!(request.is_signed() && request.verify_signed_by(key.public_key()).is_ok());
            assert!(request.verify_signed_by(c.root_key.public_key()).is_err());
            fs::write(at.join("q.der"), der).unwrap();
            let text = openssl(
                at,
                "ocsp -reqin q.der -req_text -noverify -index index.txt -CA root.pem -rsigner root.pem -rkey root.key -respout r.der",
            );
            assert!(
                text.contains("Requestor Name: DirName") && text.contains("Signature Value"),
                "{text}"
            );
            let response = OcspResponse::from_der(&fs::read(at.join("r.der")).unwrap()).unwrap();
            let basic = response.basic.unwrap();
            assert_eq!(basic.nonce(), builder.nonce.as_ref());
            assert_eq!(basic.singles()[0].status, CertStatus::Good);
        }
    }
    let many = RequestBuilder {
        asked: vec![builder.asked[0].clone(); 101],
        nonce: None,
    };
    for builder in [RequestBuilder::default(), many] {
        assert!(
            builder
                .draft(requestor, vec![], key.algorithms()[0])
                .is_err()
        );
    }
    let seventeen = vec![c.responder.clone(); 17];
    assert!(
        builder
            .draft(requestor, seventeen, key.algorithms()[0])
            .is_err()
    );
}

#[test]
fn signed_requests_of_openssl_verify() {
    let c = centre("requests");
    let at = c.folder.as_path();
    openssl(
        at,
        "ocsp -issuer root.pem -cert leaf.pem -signer responder.pem -signkey responder.key -reqout q.der",
    );
    let request = OcspRequest::from_der(&fs::read(at.join("q.der")).unwrap()).unwrap();
    assert!(request.is_signed() && request.requestor().is_some());
    assert_eq!(request.certificates(), std::slice::from_ref(&c.responder));
    let key = c.responder.public_key().unwrap();
    assert!(request.verify_signed_by(key).is_ok());
    assert!(
        request
            .verify_signed_by(c.root.public_key().unwrap())
            .is_err()
    );
}
