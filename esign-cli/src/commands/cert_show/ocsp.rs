//! OCSP: which certificates a request asks about (RFC 6960 4.1), which a response speaks of, and
//! what it says (4.2).

use esign_core::der::{DecodeError, Reader, Rules, Tag, decode};
use esign_core::ocsp::{CertStatus, OcspRequest, OcspResponse};
use esign_core::time::UnixTime;
use serde_json::{Value, json};

use super::certificate;
use super::item::{Item, hex};
use crate::lang::Lang;

/// Most answers that are shown; a responder gives one.
const MAX_ANSWERS: usize = 100;

struct Answer {
    serial: String,
    status: &'static str,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
}

#[derive(Default)]
struct Basic {
    produced_at: Option<UnixTime>,
    answers: Vec<Answer>,
    certificates: Vec<Vec<u8>>,
}

/// Explains a response.
pub(super) fn show(lang: &Lang, octets: &[u8], at: UnixTime) -> Item {
    let mut item = Item::new("ocsp");
    let (status, basic) = match outer(octets) {
        Ok(read) => read,
        Err(error) => return Item::broken("ocsp", &error),
    };
    item.row(lang.text("show-ocsp-status"), status_word(lang, status));
    item.set("response_status", status);
    let Some(basic) = basic else { return item };
    let basic = match inner(&basic) {
        Ok(basic) => basic,
        Err(error) => {
            item.problem(&error);
            return item;
        }
    };
    if let Some(time) = basic.produced_at {
        item.row(lang.text("show-ocsp-produced"), lang.time(time));
        item.set("produced_at", time.to_string());
    }
    let revoked = strict(lang, octets, &mut item);
    let mut list: Vec<Value> = Vec::new();
    for (i, answer) in basic.answers.iter().take(MAX_ANSWERS).enumerate() {
        let until = answer
            .next_update
            .map_or_else(|| lang.text("show-not-said"), |t| lang.time(t));
        item.rows(
            format!("{} {}", lang.text("show-serial"), answer.serial),
            vec![
                match revoked.get(i).cloned().flatten() {
                    Some(when_and_why) => when_and_why,
                    None => lang.text(&format!("show-ocsp-{}", answer.status)),
                },
                format!(
                    "{}: {}",
                    lang.text("show-this-update"),
                    lang.time(answer.this_update)
                ),
                format!("{}: {until}", lang.text("show-next-update")),
            ],
        );
        list.push(json!({"serial": answer.serial, "status": answer.status,
            "this_update": answer.this_update.to_string(),
            "next_update": answer.next_update.map(|t| t.to_string())}));
    }
    if basic.answers.len() > MAX_ANSWERS {
        let more = (basic.answers.len() - MAX_ANSWERS).to_string();
        item.row(
            lang.text("show-remark"),
            lang.with("show-more", &[("count", &more)]),
        );
    }
    item.set("count", basic.answers.len());
    item.set("answers", list);
    for der in &basic.certificates {
        item.inner.push(certificate::show(lang, der, at));
    }
    item
}

/// What only a response that is sound DER tells: who signed, the nonce; and, given back for each of
/// its answers in order, when and why revoked.
fn strict(lang: &Lang, octets: &[u8], item: &mut Item) -> Vec<Option<String>> {
    let basic = match OcspResponse::from_der(octets) {
        Ok(response) => response.basic,
        Err(error) => {
            item.problem(&error);
            None
        }
    };
    let Some(basic) = basic else {
        return Vec::new();
    };
    let responder = basic.responder().to_string();
    item.row(lang.text("show-ocsp-responder"), responder.clone());
    item.set("responder", responder);
    if let Some(nonce) = basic.nonce() {
        item.row(lang.text("show-ocsp-nonce"), hex(nonce.as_bytes()));
        item.set("nonce", hex(nonce.as_bytes()));
    }
    let mut revoked: Vec<Value> = Vec::new();
    let mut told = Vec::new();
    for single in basic.singles().iter().take(MAX_ANSWERS) {
        let CertStatus::Revoked { at, reason } = single.status else {
            told.push(None);
            continue;
        };
        let serial = single.id.serial.to_string();
        let why = reason.map_or_else(String::new, |r| format!(", {r}"));
        let word = lang.text("show-ocsp-revoked");
        told.push(Some(format!("{word}: {}{why}", lang.time(at))));
        revoked.push(json!({"serial": serial, "revocation_date": at.to_string(),
            "reason": reason.map(|r| r.name())}));
    }
    item.set("revoked", revoked);
    told
}

/// Explains a request.
pub(super) fn request(lang: &Lang, octets: &[u8], at: UnixTime) -> Item {
    let mut item = Item::new("ocsp-request");
    let request = match OcspRequest::from_der(octets) {
        Ok(request) => request,
        Err(error) => return Item::broken("ocsp-request", &error),
    };
    let mut list: Vec<Value> = Vec::new();
    for id in request.asked() {
        let serial = id.serial.to_string();
        let digest = match id.algorithm {
            Ok(known) => format!("{known:?}"),
            Err(oid) => oid.to_string(),
        };
        item.rows(
            format!("{} {serial}", lang.text("show-serial")),
            vec![
                format!(
                    "{} ({digest}): {}",
                    lang.text("show-ocsp-name-hash"),
                    hex(&id.name_hash)
                ),
                format!(
                    "{} ({digest}): {}",
                    lang.text("show-ocsp-key-hash"),
                    hex(&id.key_hash)
                ),
            ],
        );
        list.push(json!({"serial": serial, "hash_algorithm": digest,
            "issuer_name_hash": hex(&id.name_hash), "issuer_key_hash": hex(&id.key_hash)}));
    }
    item.set("asked", list);
    if let Some(nonce) = request.nonce() {
        item.row(lang.text("show-ocsp-nonce"), hex(nonce.as_bytes()));
        item.set("nonce", hex(nonce.as_bytes()));
    }
    let signed = lang.text(if request.is_signed() {
        "show-ocsp-signed"
    } else {
        "show-ocsp-unsigned"
    });
    item.row(lang.text("show-ocsp-signature"), signed);
    item.set("signed", request.is_signed());
    for certificate in request.certificates() {
        let shown = certificate::show(lang, certificate.der(), at);
        item.inner.push(shown);
    }
    item
}

/// `responseStatus` and, where it answers, the `BasicOCSPResponse`.
fn outer(octets: &[u8]) -> Result<(u32, Option<Vec<u8>>), DecodeError> {
    decode(octets, Rules::Ber, |r| {
        r.sequence("ocspResponse", |r| {
            let status = r.expect(Tag::ENUMERATED, "responseStatus")?;
            let status = status.value.first().copied().map_or(0, u32::from);
            let bytes = r.optional(Tag::constructed(0), "responseBytes")?;
            let basic = match bytes {
                Some(t) => Some(t.nested("responseBytes", |r| {
                    r.sequence("", |r| {
                        r.oid("responseType")?;
                        let response = r.expect(Tag::OCTET_STRING, "response")?;
                        Ok(response.octets("response")?.into_owned())
                    })
                })?),
                None => None,
            };
            Ok((status, basic))
        })
    })
}

fn inner(octets: &[u8]) -> Result<Basic, DecodeError> {
    let mut basic = Basic::default();
    decode(octets, Rules::Ber, |r| {
        r.sequence("basicOcspResponse", |r| {
            r.sequence("tbsResponseData", |r| {
                r.optional(Tag::constructed(0), "version")?;
                r.any("responderID")?;
                basic.produced_at = Some(r.any("producedAt")?.time("producedAt")?);
                r.sequence("responses", |r| {
                    while !r.is_empty() {
                        basic.answers.push(r.sequence("singleResponse", answer)?);
                    }
                    Ok(())
                })?;
                r.optional(Tag::constructed(1), "responseExtensions")?;
                Ok(())
            })?;
            r.any("signatureAlgorithm")?;
            r.any("signature")?;
            if let Some(certs) = r.optional(Tag::constructed(0), "certs")? {
                certs.nested("certs", |r| {
                    r.sequence("", |r| {
                        while !r.is_empty() {
                            basic.certificates.push(r.any("certificate")?.raw.to_vec());
                        }
                        Ok(())
                    })
                })?;
            }
            Ok(())
        })
    })?;
    Ok(basic)
}

fn answer(r: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    let serial = r.sequence("certID", |r| {
        r.any("hashAlgorithm")?;
        r.any("issuerNameHash")?;
        r.any("issuerKeyHash")?;
        Ok(hex(r.integer("serialNumber")?))
    })?;
    let status = match r.any("certStatus")?.tag.0 & 0x1f {
        0 => "good",
        1 => "revoked",
        _ => "unknown",
    };
    let this_update = r.any("thisUpdate")?.time("thisUpdate")?;
    let next_update = match r.optional(Tag::constructed(0), "nextUpdate")? {
        Some(t) => Some(t.nested("nextUpdate", |r| r.any("")?.time(""))?),
        None => None,
    };
    r.optional(Tag::constructed(1), "singleExtensions")?;
    Ok(Answer {
        serial,
        status,
        this_update,
        next_update,
    })
}

fn status_word(lang: &Lang, status: u32) -> String {
    let key = format!("show-ocsp-status-{status}");
    if lang.has(&key) {
        return lang.text(&key);
    }
    format!("{} ({status})", lang.text("show-ocsp-status-other"))
}
