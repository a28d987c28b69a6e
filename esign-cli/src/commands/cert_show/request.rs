//! A certificate request: who asks, for which key, and whether they have it.

use ::x509_parser::certification_request::X509CertificationRequest;
use ::x509_parser::prelude::FromDer;
use esign_core::der::{DecodeError, Reader, Rules, Tag};
use esign_core::oid;
use esign_core::x509::Request;

use super::describe::{
    algorithm_word, fingerprints, key, loose_name, name, name_json, signature, who,
};
use super::extension::{Ext, explain};
use super::item::Item;
use crate::lang::Lang;

/// Explains a request.
pub(super) fn show(lang: &Lang, der: &[u8]) -> Item {
    let mut item = Item::new("request");
    let strict = Request::from_der(der);
    let loose = X509CertificationRequest::from_der(der);
    let subject = match (&strict, &loose) {
        (Ok(request), _) => Some(name(request.subject())),
        (Err(_), Ok((_, r))) => Some(loose_name(&r.certification_request_info.subject)),
        (Err(_), Err(_)) => None,
    };
    if let Err(error) = &strict {
        item.problem(error);
    }
    let Some(subject) = subject else {
        item.row(lang.text("show-remark"), lang.text("show-unreadable"));
        fingerprints(lang, der, &mut item);
        return item;
    };
    item.rows(lang.text("show-requester"), who(lang, &subject));
    item.set("subject", name_json(&subject));
    if let Ok((_, r)) = &loose {
        key(
            lang,
            r.certification_request_info.subject_pki.raw,
            &mut item,
        );
        let oid = r.signature_algorithm.algorithm.to_id_string();
        let word = match strict.as_ref().map(Request::signature_algorithm) {
            Ok(Ok(known)) => known.to_string(),
            _ => algorithm_word(&oid),
        };
        signature(lang, &word, &mut item);
    }
    if let Ok(request) = strict {
        let proof = request.verify();
        let text = match &proof {
            Ok(_) => lang.text("show-proof-holds"),
            Err(error) => format!("{}: {error}", lang.text("show-proof-fails")),
        };
        item.row(lang.text("show-proof"), text);
        item.set("proof_of_possession", proof.is_ok());
        if let Err(error) = proof {
            item.problem(&error);
        }
    }
    match requested(der) {
        Ok(all) => {
            explain(lang, &all, &mut item);
        }
        Err(error) => item.problem(&error),
    }
    fingerprints(lang, der, &mut item);
    item
}

/// The extensions that are asked for (RFC 2985 5.4.2).
fn requested(der: &[u8]) -> Result<Vec<Ext>, DecodeError> {
    let mut found = Vec::new();
    let mut whole = Reader::new(der, Rules::Ber);
    let request = whole.expect(Tag::SEQUENCE, "certificationRequest")?;
    let info = request
        .reader("")?
        .expect(Tag::SEQUENCE, "certificationRequestInfo")?;
    let mut r = info.reader("certificationRequestInfo")?;
    while !r.is_empty() {
        let part = r.any("certificationRequestInfo")?;
        if part.tag != Tag::constructed(0) {
            continue;
        }
        let mut attributes = part.reader("attributes")?;
        while !attributes.is_empty() {
            attributes.sequence("attribute", |r| {
                let id = r.oid("type")?;
                let values = r.expect(Tag::SET, "values")?;
                if id == oid::EXTENSION_REQUEST {
                    found.extend(Ext::list(&mut values.reader("extensionRequest")?)?);
                }
                Ok(())
            })?;
        }
    }
    Ok(found)
}
