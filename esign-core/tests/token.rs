//! Keys on tokens of SoftHSM. Each test runs in a process of its own: the module reads its
//! configuration from the environment, and its state is the process's.
#![cfg(feature = "pkcs11")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use esign_core::keys::{
    Curve, Kdf, KeyError, KeyErrorKind, KeySpec, Passphrase, SignatureAlgorithm, SigningKey,
};
use esign_core::time::UnixTime;
use esign_core::token::{
    KeyWanted, ModuleSearch, Pin, PinRequest, PinTries, Token, TokenKey, TokenUri,
};
use esign_core::x509::Certificate;
use ring::rand::SystemRandom;
use support::{Signer, order};
use test_vectors::softhsm::{FINAL_TRY, LOCKED, PIN, SoftHsm};

const CHILD: &str = "ESIGN_TOKEN_TEST";

/// What the child needs of the parent's SoftHSM.
struct Place {
    module: PathBuf,
    tokens: PathBuf,
}

impl Place {
    fn uri(&self, path: &str) -> TokenUri {
        let module = self.module.display();
        TokenUri::parse(&format!("pkcs11:{path}?module-path={module}")).unwrap()
    }

    fn open(&self, path: &str) -> Result<TokenKey, KeyError> {
        open(&self.uri(path), None, &right)
    }
}

/// Prepares tokens with `prepare` and runs `body` in a child that sees them. `name` is the test's.
fn with_tokens(name: &str, prepare: impl FnOnce(&SoftHsm), body: impl FnOnce(&Place)) {
    if std::env::var(CHILD).is_ok_and(|child| child == name) {
        let conf = PathBuf::from(std::env::var_os("SOFTHSM2_CONF").unwrap());
        let module = PathBuf::from(std::env::var_os("ESIGN_TOKEN_MODULE").unwrap());
        let tokens = conf.parent().unwrap().join("tokens");
        body(&Place { module, tokens });
        return;
    }
    let Some(hsm) = SoftHsm::new().unwrap() else {
        return;
    };
    prepare(&hsm);
    let child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, name)
        .env("ESIGN_TOKEN_MODULE", hsm.module())
        .env("SOFTHSM2_CONF", hsm.conf())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && out.contains("1 passed"),
        "{out}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
    assert!(!out.contains(PIN));
}

fn right(_: &PinRequest<'_>) -> Result<Option<Pin>, KeyError> {
    Ok(Some(Pin::new(Passphrase::new(PIN.to_owned()))))
}

fn wrong(_: &PinRequest<'_>) -> Result<Option<Pin>, KeyError> {
    Ok(Some(Pin::new(Passphrase::new("0000-wrong".to_owned()))))
}

fn open(
    uri: &TokenUri,
    certificate: Option<&Certificate>,
    ask: &dyn Fn(&PinRequest<'_>) -> Result<Option<Pin>, KeyError>,
) -> Result<TokenKey, KeyError> {
    TokenKey::open(&KeyWanted {
        uri,
        search: &ModuleSearch::default(),
        ask,
        certificate,
    })
}

fn at(text: &str) -> UnixTime {
    UnixTime::parse(text).unwrap()
}

fn import(hsm: &SoftHsm, token: &str, signer: &Signer, label: &str, id: &str, with_public: bool) {
    let random = SystemRandom::new();
    let pem = signer.key.to_pkcs8_pem(None, Kdf::Pbkdf2, &random).unwrap();
    hsm.import(token, &pem, label, id, with_public).unwrap();
}

fn certify(hsm: &SoftHsm, token: &str, certificate: &Certificate, label: &str, id: &str) {
    hsm.certificate(token, certificate.der(), label, id)
        .unwrap();
}

fn failed(outcome: Result<TokenKey, KeyError>, kind: KeyErrorKind, words: &[&str]) {
    let error = outcome.expect_err("this must not open a key");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "\"{word}\" is not in: {text}");
    }
    assert!(
        !text.contains(PIN) && !text.contains("0000-wrong"),
        "{text}"
    );
}

fn signs(key: &TokenKey) {
    for algorithm in key.algorithms() {
        let message = format!("signed with {algorithm}");
        let signature = key.sign(*algorithm, message.as_bytes()).unwrap();
        key.public_key()
            .verify(*algorithm, message.as_bytes(), &signature)
            .unwrap();
    }
}

#[test]
fn every_kind_of_key_signs() {
    with_tokens(
        "every_kind_of_key_signs",
        |hsm| {
            hsm.token("kinds").unwrap();
            for (id, kind) in [
                ("01", "EC:prime256v1"),
                ("02", "EC:secp384r1"),
                ("03", "EC:secp521r1"),
                ("04", "EC:edwards25519"),
                ("05", "rsa:2048"),
                ("06", "rsa:3072"),
            ] {
                hsm.generate("kinds", kind, kind, id, &[]).unwrap();
            }
            // Each signature wants the PIN again; SoftHSM has parts for RSA alone.
            let always = ["--always-auth"];
            hsm.generate("kinds", "rsa:2048", "always", "07", &always)
                .unwrap();
            hsm.generate("kinds", "EC:prime256v1", "cannot", "08", &always)
                .unwrap();
        },
        |place| {
            for (id, kind, algorithms) in [
                ("01", "P-256", 1),
                ("02", "P-384", 1),
                ("03", "P-521", 1),
                ("04", "Ed25519", 1),
                ("05", "RSA-2048", 6),
                ("06", "RSA-3072", 6),
                ("07", "RSA-2048", 6),
            ] {
                let key = place.open(&format!("token=kinds;id=%{id}")).unwrap();
                assert_eq!(key.public_key().algorithm().to_string(), kind);
                assert_eq!(key.algorithms().len(), algorithms, "{kind}");
                assert_eq!(key.entry().always_authenticate, id == "07");
                signs(&key);
                let other = SignatureAlgorithm::RsaPssOther {
                    digest: esign_core::keys::DigestAlgorithm::Sha256,
                    mask: esign_core::keys::DigestAlgorithm::Sha256,
                    salt: 0,
                };
                let error = key.sign(other, b"").unwrap_err();
                assert_eq!(error.kind(), KeyErrorKind::Algorithm);
            }
            let cannot = place.open("token=kinds;id=%08");
            let words = ["asks for the PIN each time", "CKM_ECDSA"];
            failed(cannot, KeyErrorKind::Algorithm, &words);
            let token = Token::open(&place.uri("token=kinds"), &ModuleSearch::default()).unwrap();
            token.log_in(&place.uri("token=kinds"), &right).unwrap();
            assert_eq!(token.keys().unwrap().len(), 8);
        },
    );
}

#[test]
fn threads_share_a_key() {
    with_tokens(
        "threads_share_a_key",
        |hsm| {
            hsm.token("many").unwrap();
            hsm.generate("many", "EC:prime256v1", "k", "01", &[])
                .unwrap();
        },
        |place| {
            let key = place.open("token=many").unwrap();
            let made = AtomicUsize::new(0);
            // More threads than a token keeps sessions.
            std::thread::scope(|scope| {
                for thread in 0..2 * esign_core::token::MAX_SESSIONS {
                    let (key, made) = (&key, &made);
                    scope.spawn(move || {
                        for n in 0..20 {
                            let message = format!("{thread}/{n}");
                            key.sign(key.algorithms()[0], message.as_bytes()).unwrap();
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(made.into_inner(), 40 * esign_core::token::MAX_SESSIONS);
        },
    );
}

/// Two certificates for one key, one of them out of date; the chain; a key whose public half is in a
/// certificate alone.
#[test]
fn certificates_beside_the_key() {
    with_tokens(
        "certificates_beside_the_key",
        |hsm| {
            let (with, without) = (Signer::p256(), Signer::new(KeySpec::Rsa2048));
            hsm.token("cards").unwrap();
            import(hsm, "cards", &with, "signing", "01", true);
            certify(hsm, "cards", &with.certificate, "signing", "01");
            certify(hsm, "cards", &with.root, "issuer", "02");
            import(hsm, "cards", &without, "halved", "03", false);
            certify(hsm, "cards", &without.certificate, "halved", "03");
            // The key has the id of somebody else's certificate.
            let (key, certificate) = (Signer::p256(), Signer::p256());
            hsm.token("mixed").unwrap();
            import(hsm, "mixed", &key, "mixed", "01", false);
            certify(hsm, "mixed", &certificate.certificate, "mixed", "01");
            // No certificate at all, and one for another key.
            hsm.token("bare").unwrap();
            import(hsm, "bare", &Signer::p256(), "bare", "01", true);
            hsm.token("other").unwrap();
            import(hsm, "other", &Signer::p256(), "other", "01", true);
            certify(hsm, "other", &Signer::p256().certificate, "theirs", "02");
            std::fs::write(hsm.dir().join("with.der"), with.certificate.der()).unwrap();
            std::fs::write(hsm.dir().join("other.der"), certificate.certificate.der()).unwrap();
        },
        |place| {
            let now = at("2026-06-01T00:00:00Z");
            let stored = |name: &str| {
                let path = place.tokens.parent().unwrap().join(name);
                Certificate::from_der(&std::fs::read(path).unwrap()).unwrap()
            };
            let (with, stranger) = (stored("with.der"), stored("other.der"));

            let key = place.open("token=cards;object=signing").unwrap();
            let (own, chain) = key.certified(now).unwrap();
            assert_eq!(own.der(), with.der());
            assert_eq!(chain.len(), 1);
            assert!(own.issuer().matches(chain[0].subject()));
            signs(&key);
            // The same by its certificate, by its id, and by the certificate that is given.
            for path in [
                "type=cert;object=signing",
                "id=%01;type=private",
                "type=public;id=%01",
            ] {
                let key = place.open(&format!("token=cards;{path}")).unwrap();
                assert_eq!(key.certified(now).unwrap().0.der(), with.der(), "{path}");
            }
            let key = open(&place.uri("token=cards"), Some(&with), &right).unwrap();
            assert_eq!(key.entry().label, "signing");

            let key = place.open("token=cards;object=halved").unwrap();
            signs(&key);
            assert_eq!(key.certified(now).unwrap().1.len(), 0);

            // Two keys, and the URI says neither.
            let two = [
                "2 private keys",
                "object=signing;id=%01",
                "object=halved;id=%03",
            ];
            let two = [&two[..], &["CN=", "2026-01-01T00:00:00Z"]].concat();
            failed(place.open("token=cards"), KeyErrorKind::Ambiguous, &two);
            let no = ["no private key matches", "object=none", "object=signing"];
            failed(
                place.open("token=cards;object=none"),
                KeyErrorKind::Missing,
                &no,
            );
            let none = place.open("token=cards;type=cert;object=issuer");
            failed(none, KeyErrorKind::Missing, &["no private key matches"]);

            failed(
                open(
                    &place.uri("token=cards;object=signing"),
                    Some(&stranger),
                    &right,
                ),
                KeyErrorKind::Mismatch,
                &["is for the key", "object=signing"],
            );
            let mixed = place.open("token=mixed");
            failed(
                mixed,
                KeyErrorKind::Mismatch,
                &["does not verify with the public key"],
            );

            let bare = place.open("token=bare").unwrap();
            signs(&bare);
            let error = bare.certified(now).unwrap_err().to_string();
            assert!(error.contains("the token has none at all"), "{error}");
            let other = place.open("token=other").unwrap();
            let error = other.certified(now).unwrap_err().to_string();
            assert!(
                error.contains("for other keys, object=theirs;id=%02"),
                "{error}"
            );
        },
    );
}

#[test]
fn several_certificates_for_one_key() {
    with_tokens(
        "several_certificates_for_one_key",
        |hsm| {
            let signer = Signer::p256();
            hsm.token("renewed").unwrap();
            import(hsm, "renewed", &signer, "k", "01", true);
            certify(hsm, "renewed", &signer.certificate, "first", "01");
            let again = order(&signer.key, None);
            certify(hsm, "renewed", &again, "second", "01");
        },
        |place| {
            let now = at("2026-06-01T00:00:00Z");
            let key = place.open("token=renewed").unwrap();
            let error = key.certified(now).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Ambiguous);
            let text = error.to_string();
            for word in [
                "2 certificates are for this key",
                "object=first;id=%01;type=cert",
                "object=second;id=%01;type=cert",
                "CN=",
                "2026-01-01T00:00:00Z to ",
            ] {
                assert!(text.contains(word), "\"{word}\" is not in: {text}");
            }
            for label in ["first", "second"] {
                let path = format!("token=renewed;type=cert;object={label}");
                let key = place.open(&path).unwrap();
                let own = key.certified(now).unwrap().0;
                let all = key.certificates();
                let named = all.iter().find(|c| c.label == label).unwrap();
                assert_eq!(own.der(), named.der);
            }
        },
    );
}

#[test]
fn which_token_is_meant() {
    with_tokens(
        "which_token_is_meant",
        |hsm| {
            for label in ["first", "second", "second"] {
                hsm.token(label).unwrap();
            }
            hsm.generate("first", "EC:prime256v1", "k", "01", &[])
                .unwrap();
        },
        |place| {
            place
                .open("token=first;manufacturer=SoftHSM%20project")
                .unwrap();
            let two = ["2 tokens match pkcs11:token=second", "token=second;serial="];
            failed(place.open("token=second"), KeyErrorKind::Ambiguous, &two);
            let three = ["3 tokens match", "token=first;serial="];
            failed(place.open(""), KeyErrorKind::Ambiguous, &three);
            let none = ["no token matches pkcs11:token=third", "token=first;serial="];
            failed(place.open("token=third"), KeyErrorKind::Missing, &none);
            failed(
                place.open("token=first;serial="),
                KeyErrorKind::Missing,
                &["serial="],
            );
            let other = place.open("library-version=1.0");
            failed(
                other,
                KeyErrorKind::Missing,
                &["library-version=1.0", "SoftHSM"],
            );
            let slot = place.open("token=first;slot-description=none");
            failed(slot, KeyErrorKind::Missing, &["no token matches"]);
            place
                .open("token=first;library-manufacturer=SoftHSM")
                .unwrap();
            let data = place.open("token=first;type=data");
            failed(data, KeyErrorKind::Malformed, &["type=data"]);
        },
    );
}

#[test]
fn pins_that_are_wrong_missing_or_running_out() {
    with_tokens(
        "pins_that_are_wrong_missing_or_running_out",
        |hsm| {
            hsm.token("pins").unwrap();
            hsm.generate("pins", "EC:prime256v1", "k", "01", &[])
                .unwrap();
        },
        |place| {
            let uri = place.uri("token=pins");
            let none = open(&uri, None, &|_| Ok(None));
            failed(
                none,
                KeyErrorKind::PassphraseMissing,
                &["token \"pins\"", "needs a PIN"],
            );
            let token = Token::open(&uri, &ModuleSearch::default()).unwrap();
            assert_eq!(token.pin_tries().unwrap(), PinTries::Full);

            let refused = open(&uri, None, &wrong);
            let words = [
                "token \"pins\" (serial ",
                "the PIN is wrong",
                "more wrong PINs will lock",
            ];
            failed(refused, KeyErrorKind::PassphraseWrong, &words);
            assert_eq!(token.pin_tries().unwrap(), PinTries::Low);
            // Whoever is asked next is told.
            let told = std::cell::Cell::new(None);
            open(&uri, None, &|request| {
                assert_eq!(request.token.label, "pins");
                told.set(Some(request.tries));
                right(request)
            })
            .unwrap();
            assert_eq!(told.get(), Some(PinTries::Low));
            assert_eq!(token.pin_tries().unwrap(), PinTries::Full);

            // A PIN in the URI needs no question.
            let module = place.module.display();
            let uri = format!("pkcs11:token=pins?module-path={module}&pin-value={PIN}");
            let uri = TokenUri::parse(&uri).unwrap();
            open(&uri, None, &|_| panic!("nobody is to be asked")).unwrap();
            let uri = format!("pkcs11:token=pins?module-path={module}&pin-source=file:/run/pin");
            let uri = TokenUri::parse(&uri).unwrap();
            open(&uri, None, &|request| {
                assert_eq!(request.source.unwrap().to_str(), Some("/run/pin"));
                right(request)
            })
            .unwrap();
        },
    );
}

#[test]
fn the_last_try_is_nobodys_by_default() {
    with_tokens(
        "the_last_try_is_nobodys_by_default",
        |hsm| {
            hsm.token("last").unwrap();
            hsm.generate("last", "EC:prime256v1", "k", "01", &[])
                .unwrap();
            hsm.set_flags(FINAL_TRY).unwrap();
        },
        |place| {
            let uri = place.uri("token=last");
            let asked = open(&uri, None, &|request| {
                assert_eq!(request.tries, PinTries::Last);
                right(request)
            });
            let words = ["one more wrong PIN would lock it, so the PIN was not sent"];
            failed(asked, KeyErrorKind::PassphraseLocked, &words);
            // Nor is a PIN in the URI.
            let module = place.module.display();
            let text = format!("pkcs11:token=last?module-path={module}&pin-value={PIN}");
            let from_uri = open(&TokenUri::parse(&text).unwrap(), None, &wrong);
            failed(from_uri, KeyErrorKind::PassphraseLocked, &words);
            // With consent it is sent, and the right one begins the count anew.
            let key = open(&uri, None, &|request| {
                Ok(right(request)?.map(Pin::even_as_last_try))
            })
            .unwrap();
            signs(&key);
        },
    );
}

#[test]
fn a_locked_pin_is_not_sent() {
    with_tokens(
        "a_locked_pin_is_not_sent",
        |hsm| {
            hsm.token("locked").unwrap();
            hsm.generate("locked", "EC:prime256v1", "k", "01", &[])
                .unwrap();
            hsm.set_flags(LOCKED).unwrap();
        },
        |place| {
            let opened = open(&place.uri("token=locked"), None, &|_| {
                panic!("nobody is to type a PIN in vain")
            });
            failed(
                opened,
                KeyErrorKind::PassphraseLocked,
                &["the PIN is locked"],
            );
        },
    );
}

/// Stopping the module closes every session, as pulling the token out does, and the token's folder is
/// where it is plugged in.
#[test]
fn a_token_goes_and_comes_back() {
    with_tokens(
        "a_token_goes_and_comes_back",
        |hsm| {
            hsm.token("here").unwrap();
            hsm.generate("here", "EC:prime256v1", "k", "01", &[])
                .unwrap();
            hsm.generate("here", "rsa:2048", "always", "02", &["--always-auth"])
                .unwrap();
        },
        |place| {
            let key = place.open("token=here;id=%01").unwrap();
            let always = place.open("token=here;id=%02").unwrap();
            let algorithm = key.algorithms()[0];
            let sign = || key.sign(algorithm, b"message");
            let stop = || Pkcs11::new(&place.module).unwrap().finalize().unwrap();
            sign().unwrap();

            // CKR_CRYPTOKI_NOT_INITIALIZED.
            stop();
            sign().unwrap();
            // CKR_SESSION_HANDLE_INVALID: somebody has started it again already.
            stop();
            let other = Pkcs11::new(&place.module).unwrap();
            let flags = CInitializeFlags::OS_LOCKING_OK;
            other.initialize(CInitializeArgs::new(flags)).unwrap();
            sign().unwrap();
            // CKR_USER_NOT_LOGGED_IN: somebody has logged out.
            let slot = other.get_slots_with_initialized_token().unwrap()[0];
            let session = other.open_ro_session(slot).unwrap();
            session.logout().unwrap();
            sign().unwrap();
            drop(session);

            let away = place.tokens.with_file_name("away");
            std::fs::rename(&place.tokens, &away).unwrap();
            std::fs::create_dir(&place.tokens).unwrap();
            stop();
            let error = sign().unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Refused);
            assert!(
                error.to_string().contains("the token is not there"),
                "{error}"
            );
            assert!(sign().is_err());
            std::fs::remove_dir(&place.tokens).unwrap();
            std::fs::rename(&away, &place.tokens).unwrap();
            stop();
            sign().unwrap();
            // As it happens: pulled out and put in again, and nobody touches the module.
            std::fs::rename(&place.tokens, &away).unwrap();
            std::fs::create_dir(&place.tokens).unwrap();
            let error = sign().unwrap_err().to_string();
            assert!(error.contains("the token is not there"), "{error}");
            std::fs::remove_dir(&place.tokens).unwrap();
            std::fs::rename(&away, &place.tokens).unwrap();
            sign().unwrap();
            // A key that wants its PIN each time comes back as well.
            always.sign(always.algorithms()[0], b"message").unwrap();

            // Many threads meet the loss at once.
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..25 {
                            sign().unwrap();
                        }
                    });
                }
                for _ in 0..2 {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    let session = other.open_ro_session(slot);
                    drop(session.map(|session| session.logout()));
                }
            });
        },
    );
}

/// A module that has to be started anew to see a token again is left alone while another is in use.
#[test]
fn one_token_does_not_disturb_another() {
    with_tokens(
        "one_token_does_not_disturb_another",
        |hsm| {
            for token in ["going", "staying"] {
                hsm.token(token).unwrap();
                hsm.generate(token, "EC:prime256v1", "k", "01", &[])
                    .unwrap();
            }
        },
        |place| {
            let going = place.open("token=going").unwrap();
            let staying = place.open("token=staying").unwrap();
            let folder = std::fs::read_dir(&place.tokens)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .find(|path| {
                    let object = std::fs::read(path.join("token.object")).unwrap();
                    object.windows(5).any(|w| w == b"going")
                })
                .unwrap();
            let away = place.tokens.with_file_name("away");
            let sign = |key: &TokenKey| key.sign(key.algorithms()[0], b"message");
            std::fs::rename(&folder, &away).unwrap();
            for _ in 0..3 {
                let error = sign(&going).unwrap_err().to_string();
                assert!(error.contains("the token is not there"), "{error}");
                sign(&staying).unwrap();
            }
            std::fs::rename(&away, &folder).unwrap();
            sign(&staying).unwrap();
            drop(staying);
            sign(&going).unwrap();
        },
    );
}

/// The PIN was changed while the token was away: the old one is sent once, and never again.
#[test]
fn a_pin_that_was_refused_is_not_sent_again() {
    with_tokens(
        "a_pin_that_was_refused_is_not_sent_again",
        |hsm| {
            hsm.token("changed").unwrap();
            hsm.generate("changed", "EC:prime256v1", "k", "01", &[])
                .unwrap();
        },
        |place| {
            let key = place.open("token=changed").unwrap();
            let algorithm = key.algorithms()[0];
            key.sign(algorithm, b"message").unwrap();
            let change = [
                "--change-pin",
                "--login",
                "--pin",
                PIN,
                "--new-pin",
                "another-pin",
            ];
            let changed = Command::new("pkcs11-tool")
                .arg("--module")
                .arg(&place.module)
                .args(change)
                .output()
                .unwrap();
            assert!(changed.status.success(), "{changed:?}");
            Pkcs11::new(&place.module).unwrap().finalize().unwrap();
            let first = key.sign(algorithm, b"message").unwrap_err();
            assert_eq!(first.kind(), KeyErrorKind::PassphraseWrong);
            assert!(first.to_string().contains("the PIN is wrong"), "{first}");
            let second = key.sign(algorithm, b"message").unwrap_err();
            assert!(second.to_string().contains("not sent again"), "{second}");
        },
    );
}

/// The certificate of a curve decides nothing: P-384 as well comes with its public half or without.
#[test]
fn keys_that_were_made_elsewhere() {
    with_tokens(
        "keys_that_were_made_elsewhere",
        |hsm| {
            hsm.token("brought").unwrap();
            let curves = [Curve::P256, Curve::P384, Curve::P521];
            for (id, curve) in ["01", "02", "03"].into_iter().zip(curves) {
                let signer = Signer::new(KeySpec::Ec(curve));
                import(hsm, "brought", &signer, id, id, false);
                let name = format!("{id}.der");
                std::fs::write(hsm.dir().join(name), signer.certificate.der()).unwrap();
            }
        },
        |place| {
            for id in ["01", "02", "03"] {
                let uri = place.uri(&format!("token=brought;id=%{id}"));
                let missing = ["its public half is not on the token", "must be given"];
                failed(open(&uri, None, &right), KeyErrorKind::Missing, &missing);
                let file = place.tokens.with_file_name(format!("{id}.der"));
                let certificate = Certificate::from_der(&std::fs::read(file).unwrap()).unwrap();
                signs(&open(&uri, Some(&certificate), &right).unwrap());
            }
        },
    );
}
