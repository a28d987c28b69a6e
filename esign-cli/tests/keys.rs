//! `esign key`: a centre and its signers with ML-DSA, and keys packed for other programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test may fail by panicking"
)]

mod common;

use common::{Folder, pdf, with};
use esign_core::keys::{Passphrase, Pkcs12, SigningKey};

/// Root, issuing authority, signer, lists and signatures, all of them with ML-DSA.
#[test]
fn a_centre_that_signs_with_ml_dsa() {
    let folder = Folder::new();
    let key = ["key", "generate", "--alg", "ml-dsa-65", "-o", "my.pem"];
    folder.run(&key).passed();
    let ask = "cert request --key my.pem --subject CN=x -o my.csr";
    let run = |line: &str| folder.run(&line.split(' ').collect::<Vec<_>>()).passed();
    run(ask);
    run(
        "ca init --dir c --name Trial --organization MMC --test --root-alg ml-dsa-87 --alg ml-dsa-44",
    );
    let asked = run(
        "ca request --dir c --csr my.csr --profile natural-person --fin 5ABC123 --given-name Aysel --surname Aliyeva --json",
    );
    let asked: serde_json::Value = serde_json::from_str(&asked.out).unwrap();
    let id = asked["request"].as_str().unwrap();
    run(&format!("ca approve --dir c {id}"));
    run(&format!("ca issue --dir c {id}"));
    run("ca crl --dir c");
    let issued = std::fs::read_dir(folder.path("c/certs")).unwrap();
    let issued = issued.map(|e| e.unwrap().path()).next().unwrap();
    let own = std::fs::read(issued).unwrap();
    folder.write("chain.pem", [own, folder.read("c/issuing.pem")].concat());
    folder.write("a.pdf", pdf("libreoffice.pdf"));
    folder.write("a.txt", "Qanun");
    run("sign a.pdf --key my.pem --cert chain.pem -o s.pdf");
    run("sign a.txt --key my.pem --cert chain.pem -o a.p7s");
    let trusting = "--trust c/root.pem --crl c/crl/root.crl --crl c/crl/issuing.crl";
    let pdf = run(&format!("verify s.pdf {trusting}"));
    let cms = run(&format!("verify a.p7s --content a.txt {trusting}"));
    for verdict in [pdf, cms] {
        assert!(verdict.out.contains("TOTAL-PASSED"), "{}", verdict.out);
    }
    folder.write("a.txt", "qanun");
    let line = format!("verify a.p7s --content a.txt {trusting}");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(folder.run(&words).code, 1);
    let shown = run("cert show chain.pem");
    assert!(shown.out.contains("ML-DSA-65"), "{}", shown.out);
    assert!(
        shown.out.contains("Signed with: ML-DSA-44"),
        "{}",
        shown.out
    );
}

#[test]
fn a_key_is_exported_with_its_chain() {
    let (folder, _, certificate) = common::ready();
    folder.write("code.txt", "doğru\n");
    folder.write("new.txt", "yeni\n");
    let export = ["key", "export", "--key", "my.pem", "-o", "my.p12"];
    let chained = with(&export, &["--cert", "chain.pem"]);
    folder.run(&chained).refused(&["needs a passphrase"]);
    folder
        .run(&with(&export, &["--passphrase-file", "code.txt"]))
        .refused(&["no certificate with the key", "--cert FILE"]);
    folder
        .run(&with(
            &export,
            &["--cert", "root.pem", "--passphrase-file", "code.txt"],
        ))
        .refused(&["does not belong to certificate"]);
    assert!(!folder.names().contains(&"my.p12".to_owned()));

    let read = |name: &str, passphrase: &str| {
        let passphrase = Passphrase::new(passphrase.to_owned());
        Pkcs12::decode(&folder.read(name), Some(&passphrase))
    };
    let done = with(&chained, &["--passphrase-file", "code.txt"]);
    let run = folder.run(&done).passed();
    assert!(run.out.contains("my.p12"), "{}", run.out);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path("my.p12"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let store = read("my.p12", "doğru").unwrap();
    assert!(store.integrity);
    assert_eq!(store.keys.len(), 1);
    assert_eq!(
        store.keys[0].key.public_key().spki(),
        certificate.spki_der()
    );
    let name = certificate.subject().common_name().unwrap();
    assert_eq!(store.keys[0].friendly_name.as_deref(), Some(&*name));
    assert_eq!(store.certificates[0].der, certificate.der());
    folder.run(&done).refused(&["my.p12"]);

    // From one PKCS#12 to another, under a new passphrase and with the other integrity.
    let again = [
        "key",
        "export",
        "--key",
        "my.p12",
        "-o",
        "new.p12",
        "--name",
        "Açar",
        "--passphrase-file",
        "code.txt",
        "--new-passphrase-file",
        "new.txt",
        "--integrity",
        "pbmac1",
    ];
    folder.run(&again).passed();
    assert!(read("new.p12", "doğru").is_err());
    let copy = read("new.p12", "yeni").unwrap();
    assert_eq!(copy.keys[0].friendly_name.as_deref(), Some("Açar"));
    assert_eq!(copy.certificates.len(), store.certificates.len());
    let sign = ["sign", "a.pdf", "--key", "new.p12", "--passphrase-file"];
    folder.run(&with(&sign, &["new.txt"])).passed();
}
