//! Signing into fields that are there: what their authors demand, and what they lock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod support;

use std::fmt::Write as _;

use esign_core::evidence::Evidence;
use esign_core::keys::{Curve, KeySpec};
use esign_core::pades::{self, PadesError, PadesErrorKind, Parameters, Permission};
use esign_core::pdf::{Dict, Document, Object, Reference, Update};
use esign_core::policy::{Policy, Revocation};
use esign_core::trust::TrustAnchors;
use esign_core::validation::{Inputs, Integrity, Report, validate};
use support::{Signer, t};

/// Object 5, an empty signature field; `more` goes into its dictionary.
fn signature_field(more: &str) -> String {
    format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(Imza)/Rect[0 0 0 0]/F 132/P 3 0 R{more}>>")
}

fn text_field(name: &str) -> String {
    format!("<</Type/Annot/Subtype/Widget/FT/Tx/T({name})/V(a)/Rect[0 0 9 9]/F 4/P 3 0 R>>")
}

/// One page and a form with the fields that objects 5 to 7 are.
fn form(signature_field: &str, trailer: &str) -> Vec<u8> {
    file(
        &[
            "<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[5 0 R 6 0 R 7 0 R]>>",
            "<</Fields[5 0 R 6 0 R 7 0 R]>>",
            signature_field,
            &text_field("Ad"),
            &text_field("Soyad"),
        ],
        trailer,
    )
}

fn file(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut out = String::from("%PDF-1.7\n");
    let size = objects.len() + 1;
    let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
    for (i, body) in objects.iter().enumerate() {
        writeln!(table, "{:010} 00000 n ", out.len()).unwrap();
        write!(out, "{} 0 obj\n{body}\nendobj\n", i + 1).unwrap();
    }
    let at = out.len();
    write!(
        out,
        "{table}trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{at}\n%%EOF\n"
    )
    .unwrap();
    out.into_bytes()
}

fn parameters() -> Parameters {
    Parameters {
        field: Some("Imza".into()),
        ..Parameters::new(t("2026-11-22T10:00:00Z"))
    }
}

fn sign(signer: &Signer, file: &[u8], parameters: &Parameters) -> Result<Vec<u8>, PadesError> {
    let mut out = Vec::new();
    let file = file.to_vec();
    let update = pades::sign(
        &file,
        &mut out,
        &signer.key,
        &signer.certificate,
        parameters,
    )?;
    out.extend(update);
    Ok(out)
}

fn judge(signer: &Signer, file: &[u8]) -> Report {
    let mut policy = Policy::basic();
    policy.revocation = Revocation::Ignore;
    let mut anchors = TrustAnchors::new();
    anchors.add(signer.root.clone());
    let file = file.to_vec();
    validate(
        &pades::prepare(&file).unwrap(),
        &Inputs {
            at: t("2026-11-22"),
            anchors: &anchors,
            evidence: &Evidence::new(),
            policy: &policy,
        },
    )
}

/// A later revision in which the text field of this object number has another value.
fn filled(file: &[u8], number: u32) -> Vec<u8> {
    let file = file.to_vec();
    let document = Document::open(&file).unwrap();
    let reference = Reference {
        number,
        generation: 0,
    };
    let mut field = document
        .current()
        .follow(reference)
        .unwrap()
        .as_dict()
        .unwrap()
        .clone();
    field.set("V", Object::literal(*b"b"));
    let mut update = Update::new(&document).unwrap();
    update.put(reference, &Object::Dict(field)).unwrap();
    let update = update.finish(b"later").unwrap().bytes;
    [file, update].concat()
}

/// The dictionaries of the signature's `/Reference`.
fn references(file: &[u8]) -> Vec<Dict> {
    let file = file.to_vec();
    let document = Document::open(&file).unwrap();
    let view = document.current();
    let five = Reference {
        number: 5,
        generation: 0,
    };
    let field = view.follow(five).unwrap();
    let value = view.value(field.as_dict().unwrap(), "V").unwrap();
    match value.as_dict().unwrap().get("Reference") {
        None => Vec::new(),
        Some(list) => list
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.as_dict().unwrap().clone())
            .collect(),
    }
}

#[test]
fn seed_values_are_kept_or_refused() {
    let signer = Signer::p256();
    let reason = |r: &str| Parameters {
        reason: Some(r.into()),
        ..parameters()
    };
    let certify = |p| Parameters {
        certify: Some(p),
        ..parameters()
    };
    let with_root = Parameters {
        chain: vec![signer.root.clone()],
        ..parameters()
    };
    let hex = |der: &[u8]| {
        der.iter()
            .fold(String::new(), |s, b| s + &format!("{b:02x}"))
    };
    let own = hex(signer.certificate.der());
    let root = hex(signer.root.der());
    let p = parameters();
    // ISO 32000-2 table 237, in its order; the words of the refusal, none where it is signed.
    let rows: Vec<(String, Parameters, &[&str])> = vec![
        ("".into(), p.clone(), &[]),
        (
            "/Ff 0/Filter/Other/SubFilter[/x]/DigestMethod[/MD5]".into(),
            p.clone(),
            &[],
        ),
        ("/Ff 1/Filter/Adobe.PPKLite".into(), p.clone(), &[]),
        ("/Ff 1".into(), p.clone(), &[]),
        (
            "/Ff 1/Filter/Entrust.PPKEF".into(),
            p.clone(),
            &["/Entrust.PPKEF (Filter)", "/Adobe.PPKLite"],
        ),
        (
            "/Ff 2/SubFilter[/adbe.pkcs7.detached/ETSI.CAdES.detached]".into(),
            p.clone(),
            &[],
        ),
        (
            "/Ff 2/SubFilter[/adbe.pkcs7.detached]".into(),
            p.clone(),
            &["/adbe.pkcs7.detached (SubFilter)", "/ETSI.CAdES.detached"],
        ),
        ("/Ff 4/V 3".into(), p.clone(), &[]),
        (
            "/Ff 4/V 4".into(),
            p.clone(),
            &["version 4 (V)", "at most 3"],
        ),
        (
            "/Ff 8/Reasons[(Razi)(Baxdim)]".into(),
            reason("Baxdim"),
            &[],
        ),
        (
            "/Ff 8/Reasons[(Razi)(Baxdim)]".into(),
            reason("Yox"),
            &["\"Razi\", \"Baxdim\"", "\"Yox\""],
        ),
        (
            "/Ff 8/Reasons[(Razi)]".into(),
            p.clone(),
            &["\"Razi\"", "given is none"],
        ),
        ("/Ff 8/Reasons[(.)]".into(), p.clone(), &[]),
        (
            "/Ff 8/Reasons[(.)]".into(),
            reason("."),
            &["no reason (Reasons)"],
        ),
        (
            "/Ff 8".into(),
            reason("Yox"),
            &["no reason (Reasons)", "\"Yox\""],
        ),
        ("/Reasons[(Razi)]".into(), reason("Yox"), &[]),
        (
            "/Ff 16/LegalAttestation[(x)]".into(),
            p.clone(),
            &["LegalAttestation"],
        ),
        ("/Ff 32/AddRevInfo true".into(), p.clone(), &["AddRevInfo"]),
        ("/Ff 32/AddRevInfo false".into(), p.clone(), &[]),
        (
            "/Ff 64/DigestMethod[(SHA512)(SHA256)]".into(),
            p.clone(),
            &[],
        ),
        ("/Ff 64/DigestMethod[/SHA256]".into(), p.clone(), &[]),
        (
            "/Ff 64/DigestMethod[(SHA384)(SHA512)]".into(),
            p.clone(),
            &["\"SHA384\" or \"SHA512\" (DigestMethod)", "SHA-256"],
        ),
        ("/Ff 128/LockDocument/auto".into(), p.clone(), &[]),
        (
            "/Ff 128/LockDocument/true".into(),
            p.clone(),
            &["LockDocument"],
        ),
        (
            "/Ff 128/LockDocument/true".into(),
            certify(Permission::NoChanges),
            &[],
        ),
        (
            "/Ff 128/LockDocument/false".into(),
            certify(Permission::NoChanges),
            &["LockDocument"],
        ),
        (
            "/Ff 128/LockDocument/false".into(),
            certify(Permission::FormFilling),
            &[],
        ),
        (
            "/Ff 256/AppearanceFilter(Gerb)".into(),
            p.clone(),
            &["AppearanceFilter"],
        ),
        ("/AppearanceFilter(Gerb)".into(), p.clone(), &[]),
        ("/MDP<</P 0>>".into(), p.clone(), &[]),
        (
            "/MDP<</P 0>>".into(),
            certify(Permission::FormFilling),
            &["ordinary", "(MDP)", "P 2"],
        ),
        ("/MDP<</P 2>>".into(), certify(Permission::FormFilling), &[]),
        (
            "/MDP<</P 2>>".into(),
            certify(Permission::Annotations),
            &["P 2 (MDP)", "P 3"],
        ),
        ("/MDP<</P 1>>".into(), p.clone(), &["P 1 (MDP)", "ordinary"]),
        (
            "/TimeStamp<</URL(http://tsa.example)/Ff 0>>".into(),
            p.clone(),
            &[],
        ),
        (
            "/TimeStamp<</URL(http://tsa.example)/Ff 1>>".into(),
            p.clone(),
            &["time-stamp"],
        ),
        ("/Cert<</Ff 0/KeyUsage[(1)]>>".into(), p.clone(), &[]),
        (
            "/Cert<</Ff 32/KeyUsage[(1)]>>".into(),
            p.clone(),
            &["Ff 32", "cannot be promised"],
        ),
        (
            format!("/Cert<</Ff 65/Subject[<{own}>]/URL(http://ca.example)>>"),
            p.clone(),
            &[],
        ),
        (
            format!("/Cert<</Ff 1/Subject[<{root}>]>>"),
            p.clone(),
            &["another certificate", "CN="],
        ),
        (
            format!("/Cert<</Ff 2/Issuer[<{root}>]>>"),
            with_root.clone(),
            &[],
        ),
        (
            format!("/Cert<</Ff 2/Issuer[<{own}>]>>"),
            with_root,
            &["another issuer", "1 certificates"],
        ),
        (
            format!("/Cert<</Ff 2/Issuer[<{root}>]>>"),
            p.clone(),
            &["another issuer", "0 certificates"],
        ),
    ];
    for (seed, parameters, refusal) in rows {
        let field = signature_field(&format!("/SV<</Type/SV{seed}>>"));
        match (sign(&signer, &form(&field, ""), &parameters), refusal) {
            (Ok(signed), []) => {
                let report = judge(&signer, &signed);
                assert_eq!(report.indication, "TOTAL-PASSED", "{seed}: {report:#?}");
                assert_eq!(report.signatures[0].name, "Imza");
            }
            (Ok(_), _) => panic!("{seed}: signed, expected {refusal:?}"),
            (Err(error), words) => {
                let text = error.to_string();
                assert!(!words.is_empty(), "{seed}: {text}");
                assert_eq!(error.kind(), PadesErrorKind::Field, "{seed}: {text}");
                for word in ["field \"Imza\" demands"].iter().chain(words) {
                    assert!(text.contains(word), "{seed}: {text}: no {word:?}");
                }
            }
        }
    }
}

#[test]
fn seed_values_are_found_wherever_they_stand() {
    let signer = Signer::p256();
    // Dictionary, flags and list each as an object of its own.
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]>>>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Annots[5 0 R]>>".to_owned(),
        "null".to_owned(),
        signature_field("/SV 6 0 R"),
        "<</Ff 7 0 R/Reasons 8 0 R>>".to_owned(),
        "8".to_owned(),
        "[9 0 R]".to_owned(),
        "(Razi)".to_owned(),
    ];
    let build = |objects: &[String]| {
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        file(&objects, "")
    };
    let error = sign(&signer, &build(&objects), &parameters()).unwrap_err();
    assert!(error.to_string().contains("\"Razi\""), "{error}");
    let agreed = Parameters {
        reason: Some("Razi".into()),
        ..parameters()
    };
    assert!(sign(&signer, &build(&objects), &agreed).is_ok());
    objects[5] = "[]".to_owned();
    let error = sign(&signer, &build(&objects), &agreed).unwrap_err();
    assert!(error.to_string().contains("(SV) that is"), "{error}");
}

#[test]
fn the_digest_demanded_is_that_of_the_key() {
    let signer = Signer::new(KeySpec::Ec(Curve::P384));
    let field = signature_field("/SV<</Ff 64/DigestMethod[(SHA384)]>>");
    let signed = sign(&signer, &form(&field, ""), &parameters()).unwrap();
    assert_eq!(judge(&signer, &signed).indication, "TOTAL-PASSED");
    let field = signature_field("/SV<</Ff 64/DigestMethod[(SHA256)]>>");
    let error = sign(&signer, &form(&field, ""), &parameters()).unwrap_err();
    assert!(error.to_string().contains("SHA-384"), "{error}");
}

#[test]
fn a_lock_becomes_part_of_the_signature_and_binds() {
    let signer = Signer::p256();
    // The lock, the names in the signature, and whether Ad (6) and Soyad (7) may change after it.
    for (lock, names, ad, soyad) in [
        ("/Action/All", None, false, false),
        ("/Action/Include/Fields[(Ad)]", Some("Ad"), false, true),
        ("/Action/Exclude/Fields[(Ad)]", Some("Ad"), true, false),
        ("/Action/Include/Fields[(Ad)]/P 2", Some("Ad"), false, true),
        ("/Action/Include/Fields[(Ad)]/P 1", Some("Ad"), false, false),
    ] {
        let field = signature_field(&format!("/Lock<</Type/SigFieldLock{lock}>>"));
        let signed = sign(&signer, &form(&field, ""), &parameters()).unwrap();
        assert_eq!(judge(&signer, &signed).indication, "TOTAL-PASSED", "{lock}");
        let references = references(&signed);
        assert_eq!(references.len(), 1, "{lock}");
        let method = references[0].get("TransformMethod");
        assert_eq!(method, Some(&Object::name("FieldMDP")), "{lock}");
        let catalog = Reference {
            number: 1,
            generation: 0,
        };
        assert_eq!(references[0].get("Data"), Some(&Object::Ref(catalog)));
        let transform = references[0].get("TransformParams").unwrap();
        let transform = transform.as_dict().unwrap();
        let action = lock.split('/').nth(2).unwrap();
        assert_eq!(
            transform.get("Action"),
            Some(&Object::name(action)),
            "{lock}"
        );
        let fields = names.map(|n| Object::Array(vec![Object::literal(n.as_bytes())]));
        assert_eq!(transform.get("Fields"), fields.as_ref(), "{lock}");
        for (number, allowed) in [(6, ad), (7, soyad)] {
            let report = judge(&signer, &filled(&signed, number));
            let s = &report.signatures[0];
            let passed = s.indication == "TOTAL-PASSED";
            assert_eq!(passed, allowed, "{lock}: object {number}: {s:#?}");
            // A breach of the lock is named; that of its P goes by the rule of permissions.
            let only_by_p = number == 7 && lock.ends_with("/P 1");
            let by_lock = !(allowed || only_by_p);
            let text = format!("{s:#?}");
            assert_eq!(text.contains("pdf.field-lock"), by_lock, "{lock}: {text}");
            assert_eq!(s.integrity == Integrity::Broken, !allowed, "{lock}: {text}");
        }
        // The lock speaks of other signatures, too.
        let second = Parameters {
            field: Some("Ad2".into()),
            ..parameters()
        };
        let again = sign(&signer, &signed, &second);
        let open = lock.starts_with("/Action/Include") && !lock.ends_with("/P 1");
        match again {
            Ok(twice) => {
                assert!(open, "{lock}");
                let report = judge(&signer, &twice);
                assert_eq!(report.indication, "TOTAL-PASSED", "{lock}: {report:#?}");
            }
            Err(error) => {
                assert!(!open, "{lock}: {error}");
                assert_eq!(error.kind(), PadesErrorKind::Locked);
                assert!(error.to_string().contains("\"Imza\""), "{error}");
            }
        }
    }
}

#[test]
fn a_lock_and_a_certification_stand_side_by_side() {
    let signer = Signer::p256();
    let field = signature_field("/Lock<</Action/Include/Fields[(Ad)]>>");
    let certified = Parameters {
        certify: Some(Permission::FormFilling),
        ..parameters()
    };
    let signed = sign(&signer, &form(&field, ""), &certified).unwrap();
    let methods: Vec<Object> = references(&signed)
        .iter()
        .map(|r| r.get("TransformMethod").unwrap().clone())
        .collect();
    assert_eq!(methods, [Object::name("DocMDP"), Object::name("FieldMDP")]);
    for (number, allowed) in [(6, false), (7, true)] {
        let report = judge(&signer, &filled(&signed, number));
        assert_eq!(report.indication == "TOTAL-PASSED", allowed, "{report:#?}");
    }
}

#[test]
fn usage_rights_survive_a_certification() {
    let signer = Signer::p256();
    let file = file(
        &[
            "<</Type/Catalog/Pages 2 0 R/Perms 4 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
            "<</Other 5 0 R>>",
            "<<>>",
        ],
        "",
    );
    let certified = Parameters {
        certify: Some(Permission::FormFilling),
        ..parameters()
    };
    let signed = sign(&signer, &file, &certified).unwrap();
    assert_eq!(judge(&signer, &signed).indication, "TOTAL-PASSED");
    let document = Document::open(&signed).unwrap();
    let catalog = document.current().catalog().unwrap();
    let perms = document.current().value(&catalog, "Perms").unwrap();
    let perms = perms.as_dict().unwrap();
    assert!(perms.get("DocMDP").is_some() && perms.get("Other").is_some());
}

#[test]
fn each_refusal_gives_its_reason() {
    let signer = Signer::p256();
    let plain = form(&signature_field(""), "");
    let signed = sign(&signer, &plain, &parameters()).unwrap();
    let sealed = sign(
        &signer,
        &plain,
        &Parameters {
            certify: Some(Permission::NoChanges),
            ..parameters()
        },
    )
    .unwrap();
    let named = |name: &str| Parameters {
        field: Some(name.into()),
        ..parameters()
    };
    let pages = |pages: &str| file(&["<</Type/Catalog/Pages 2 0 R>>", pages], "");
    type Row = (
        &'static str,
        Vec<u8>,
        Parameters,
        PadesErrorKind,
        &'static [&'static str],
    );
    let rows: Vec<Row> = vec![
        (
            "encrypted",
            form(&signature_field(""), "/Encrypt<</Filter/Standard/V 4>>"),
            parameters(),
            PadesErrorKind::Encrypted,
            &["encrypted"],
        ),
        (
            "broken: cut",
            plain[..plain.len() / 2].to_vec(),
            parameters(),
            PadesErrorKind::Pdf,
            &["startxref"],
        ),
        (
            "broken: an object elsewhere",
            String::from_utf8(plain.clone())
                .unwrap()
                .replace("\n4 0 obj", "\n9 0 obj")
                .into_bytes(),
            parameters(),
            PadesErrorKind::Pdf,
            &["object 4", "object 9"],
        ),
        (
            "no changes allowed",
            sealed,
            named("Yeni"),
            PadesErrorKind::Locked,
            &["\"Imza\"", "P 1"],
        ),
        (
            "signed already",
            signed.clone(),
            parameters(),
            PadesErrorKind::Field,
            &["\"Imza\"", "signed already"],
        ),
        (
            "certifies too late",
            signed,
            Parameters {
                certify: Some(Permission::FormFilling),
                ..named("Yeni")
            },
            PadesErrorKind::Locked,
            &["signed already", "certify"],
        ),
        (
            "a text field",
            plain.clone(),
            named("Ad"),
            PadesErrorKind::Field,
            &["\"Ad\"", "type Tx, not Sig"],
        ),
        (
            "empty name",
            plain.clone(),
            named(""),
            PadesErrorKind::Field,
            &["empty"],
        ),
        (
            "new name with a dot",
            plain,
            named("a.b"),
            PadesErrorKind::Field,
            &["\"a.b\"", "dot"],
        ),
        (
            "no pages",
            pages("<</Type/Pages/Kids[]/Count 0>>"),
            named("Yeni"),
            PadesErrorKind::Pdf,
            &["page"],
        ),
        (
            "no page tree",
            pages("null"),
            named("Yeni"),
            PadesErrorKind::Pdf,
            &["page"],
        ),
        (
            "no PDF",
            b"salam".to_vec(),
            parameters(),
            PadesErrorKind::NotPdf,
            &["%PDF-"],
        ),
        (
            "a field that is no object",
            file(
                &[
                    "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[<</FT/Sig/T(Imza)>>]>>>>",
                    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>",
                ],
                "",
            ),
            parameters(),
            PadesErrorKind::Field,
            &["\"Imza\"", "not an indirect object"],
        ),
    ];
    for (name, file, parameters, kind, words) in rows {
        let error = sign(&signer, &file, &parameters).expect_err(name);
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{name}: {text}");
        for word in words {
            assert!(text.contains(word), "{name}: {text}: no {word:?}");
        }
    }
}
