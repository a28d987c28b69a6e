//! Keys on a token: the command with SoftHSM behind it.
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

use common::{Centre, Folder, Run, now, pdf};
use test_vectors::softhsm::{FINAL_TRY, LOCKED, PIN, SoftHsm};

const DAY: i64 = 86_400;

struct Desk {
    folder: Folder,
    hsm: SoftHsm,
    centre: Centre,
}

impl Desk {
    /// A folder with a file to sign, a PDF and the PIN; `None` where there is no SoftHSM.
    fn new() -> Option<Self> {
        let hsm = SoftHsm::new().unwrap()?;
        let folder = Folder::new();
        let centre = Centre::new(&folder);
        folder.write("a.txt", "Qanun");
        folder.write("a.pdf", pdf("libreoffice.pdf"));
        folder.write("pin", format!("{PIN}\n"));
        folder.write("wrong", "0000-wrong\n");
        Some(Self {
            folder,
            hsm,
            centre,
        })
    }

    fn run(&self, args: &[&str]) -> Run {
        let mut command = self.folder.command(args);
        command
            .env("SOFTHSM2_CONF", self.hsm.conf())
            .env("ESIGN_PKCS11_MODULE", self.hsm.module());
        let run = Run::of(command.output().unwrap());
        let all = format!("{}{}", run.out, run.err);
        assert!(!all.contains(PIN) && !all.contains("0000-wrong"), "{all}");
        run
    }

    /// A key with a certificate of the centre, asked for by the command itself.
    fn certified_key(&self, token: &str, kind: &str, label: &str, id: &str) {
        self.hsm.generate(token, kind, label, id, &[]).unwrap();
        let key = format!("pkcs11:token={token};id=%{id}");
        let request = ["cert", "request", "--key", &key, "--pin-file", "pin"];
        let request = [
            &request[..],
            &["--subject", "CN=x", "-o", "my.csr", "--force"],
        ]
        .concat();
        self.run(&request).passed();
        let from = now().plus(-DAY);
        let certificate = self
            .centre
            .certify(&self.folder, "my.csr", "chain.pem", from);
        let der = certificate.der();
        self.hsm.certificate(token, der, label, id).unwrap();
    }

    fn verified(&self, args: &[&str]) {
        let trusting = [
            "--trust",
            "root.pem",
            "--crl",
            "root.crl",
            "--crl",
            "issuing.crl",
        ];
        let issuer = ["--intermediate", "chain.pem"];
        let run = self.run(&[&["verify"], args, &trusting, &issuer].concat());
        assert!(run.out.contains("TOTAL-PASSED"), "{}\n{}", run.out, run.err);
    }

    fn refused(&self, key: &str, more: &[&str], words: &[&str]) {
        let run = self.run(&[&["sign", "a.txt", "--key", key], more].concat());
        assert_eq!(run.code, 2, "{}\n{}", run.out, run.err);
        for word in words {
            assert!(run.err.contains(word), "\"{word}\" is not in: {}", run.err);
        }
        assert!(!self.folder.path("a.txt.p7s").exists());
    }
}

#[test]
fn a_pdf_and_a_file_are_signed_with_a_card_and_pass() {
    let Some(desk) = Desk::new() else { return };
    for (token, kind) in [
        ("ec", "EC:prime256v1"),
        ("edwards", "EC:edwards25519"),
        ("rsa", "rsa:2048"),
    ] {
        desk.hsm.token(token).unwrap();
        desk.certified_key(token, kind, "signing", "01");
        let key = format!("pkcs11:token={token}");
        let with = ["--key", &key, "--pin-file", "pin", "--force"];
        // The certificate comes off the token.
        desk.run(&[&["sign", "a.pdf", "-o", "s.pdf"], &with[..]].concat())
            .passed();
        desk.verified(&["s.pdf"]);
        desk.run(&[&["sign", "a.txt", "-o", "a.p7s"], &with[..]].concat())
            .passed();
        desk.verified(&["a.p7s", "--content", "a.txt"]);
        // Or out of a file, chain and all.
        let chain = ["sign", "a.txt", "-o", "a.p7s", "--cert", "chain.pem"];
        desk.run(&[&chain, &with[..]].concat()).passed();
        desk.verified(&["a.p7s", "--content", "a.txt"]);
        desk.folder.write("a.txt", "qanun");
        let broken = desk.run(&[
            "verify",
            "a.p7s",
            "--content",
            "a.txt",
            "--trust",
            "root.pem",
        ]);
        assert_eq!(broken.code, 1, "{}", broken.out);
        desk.folder.write("a.txt", "Qanun");
    }
    // Several files at once, one token: the PIN out of the URI's file.
    let pin = desk.folder.path("pin");
    let key = format!("pkcs11:token=ec?pin-source=file:{}", pin.display());
    for n in 0..6 {
        desk.folder.write(&format!("{n}.txt"), format!("{n}"));
    }
    let files: Vec<String> = (0..6).map(|n| format!("{n}.txt")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    desk.run(&[&["sign", "--key", &key, "--jobs", "4"], &files[..]].concat())
        .passed();
    for file in files {
        desk.verified(&[&format!("{file}.p7s"), "--content", file]);
    }
}

#[test]
fn refusals_name_the_token_and_the_way_out() {
    let Some(desk) = Desk::new() else { return };
    desk.hsm.token("card").unwrap();
    let pin = ["--pin-file", "pin"];
    let card = "pkcs11:token=card";
    desk.refused(
        card,
        &pin,
        &["no private key matches", "it has no private key"],
    );

    desk.hsm
        .generate("card", "EC:prime256v1", "bare", "07", &[])
        .unwrap();
    desk.refused(
        card,
        &pin,
        &["there is no certificate with the key", "--cert FILE"],
    );
    desk.certified_key("card", "EC:prime256v1", "signing", "01");
    // The certificate of another key.
    let other = ["--cert", "chain.pem", "--pin-file", "pin"];
    let bare = "pkcs11:token=card;object=bare";
    desk.refused(
        bare,
        &other,
        &["is for the key", "which is not object=bare;id=%07"],
    );

    let two = [
        "2 private keys match",
        "object=bare;id=%07",
        "object=signing;id=%01",
        "Məmmədov",
    ];
    desk.refused(card, &pin, &two);
    // The certificate chooses between the two.
    desk.run(&[
        "sign",
        "a.txt",
        "--key",
        card,
        "--cert",
        "chain.pem",
        "--pin-file",
        "pin",
    ])
    .passed();
    std::fs::remove_file(desk.folder.path("a.txt.p7s")).unwrap();

    let signing = "pkcs11:token=card;object=signing";
    desk.refused(
        signing,
        &[],
        &["token \"card\" (serial ", "needs a PIN", "--pin-file"],
    );
    desk.refused(
        signing,
        &["--pin-file", "wrong"],
        &["the PIN is wrong", "CKR_PIN_INCORRECT"],
    );
    desk.refused(
        "pkcs11:token=none",
        &pin,
        &["no token matches", "token=card;serial="],
    );
    desk.refused("pkcs11:token=my card", &pin, &["must be written as %20"]);
    let argument = format!("{signing}?pin-value=0000");
    desk.refused(&argument, &[], &["a PIN is not taken from an argument"]);
    let named = format!("{signing}?module-name=none");
    desk.refused(&named, &pin, &["PKCS #11 module \"none\" is in none of"]);
    let export = desk.run(&["key", "export", "--key", signing, "-o", "k.p12"]);
    assert_eq!(export.code, 2);
    assert!(
        export.err.contains("cannot be taken out of it"),
        "{}",
        export.err
    );

    desk.hsm.set_flags(FINAL_TRY).unwrap();
    desk.refused(
        signing,
        &pin,
        &["would lock it, so the PIN was not sent", "at a terminal"],
    );
    desk.hsm.set_flags(LOCKED).unwrap();
    desk.refused(signing, &pin, &["the PIN is locked"]);
}

#[test]
fn what_is_on_a_token_is_listed_with_the_uri_of_each() {
    let Some(desk) = Desk::new() else { return };
    assert!(
        desk.run(&["key", "list"])
            .passed()
            .out
            .contains("no token found")
    );
    desk.hsm.token("my card").unwrap();
    desk.hsm
        .generate("my card", "rsa:2048", "second key", "02", &[])
        .unwrap();
    desk.hsm.token("other").unwrap();
    desk.certified_key("other", "EC:secp384r1", "signing", "01");

    let all = desk.run(&["key", "list"]).passed();
    for word in [
        "token \"my card\"",
        "token \"other\"",
        "object=signing;id=%01;type=cert",
    ] {
        assert!(all.out.contains(word), "{}", all.out);
    }
    assert!(!all.out.contains("type=private"), "{}", all.out);

    let one = ["key", "list", "pkcs11:token=my%20card", "--pin-file", "pin"];
    let shown = desk.run(&one).passed();
    assert!(shown.out.contains("RSA-2048 key"), "{}", shown.out);
    let az = desk.run(&[&["--lang", "az"], &one[..]].concat()).passed();
    assert!(az.out.contains("RSA-2048 açarı"), "{}", az.out);

    let json = [
        "key",
        "list",
        "--json",
        "pkcs11:token=other",
        "--pin-file",
        "pin",
    ];
    let json: serde_json::Value = serde_json::from_str(&desk.run(&json).passed().out).unwrap();
    let token = &json["tokens"][0];
    assert_eq!(token["pin"], "full");
    assert_eq!(token["keys"][0]["algorithm"], "P-384");
    let subject = token["certificates"][0]["subject"].as_str().unwrap();
    assert!(subject.contains("Məmmədov"), "{subject}");
    // What is listed is what --key takes.
    for object in [&token["keys"][0], &token["certificates"][0]] {
        let uri = object["uri"].as_str().unwrap();
        let args = [
            "sign",
            "a.txt",
            "--key",
            uri,
            "--pin-file",
            "pin",
            "--force",
        ];
        desk.run(&args).passed();
    }
}
