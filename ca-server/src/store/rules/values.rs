//! Ranges that hold whatever the state is.

use std::fmt::Display;

use esign_core::log::MAX_ENTRY;

use crate::acts::{Act, Change, MAX_WHY};
use crate::ids::MAX_NAME;
use crate::records::{Approval, CrlKind, Holder, Identity, Request};
use crate::store::{MAX_BLOB, StoreError};

/// Longest given name, surname, organisation or contact: longer than X.520's upper bounds
/// (ub-name, 32,768) are ever used, short enough for an index.
const MAX_TEXT: usize = 1024;

pub(super) fn check(act: &Act) -> Result<(), StoreError> {
    let kind = act.change.kind();
    if act.why.len() > MAX_WHY {
        return Err(StoreError::value(
            format_args!("reason for {kind}"),
            format_args!("has {} octets, at most {MAX_WHY} are kept", act.why.len()),
        ));
    }
    // PostgreSQL keeps no such text, and SQLite ends it there in places.
    if act.why.contains('\0') {
        return Err(StoreError::value(
            format_args!("reason for {kind}"),
            "must not hold the character U+0000",
        ));
    }
    let demands_reason = matches!(
        act.change,
        Change::RefuseRequest(_)
            | Change::Suspend { .. }
            | Change::Restore(_)
            | Change::Revoke { .. }
            | Change::StopIssuance
            | Change::ResumeIssuance
    );
    if demands_reason && act.why.trim().is_empty() {
        return Err(StoreError::value(
            format_args!("reason for {kind}"),
            "must be given",
        ));
    }
    match &act.change {
        Change::AddIssuer(issuer) => {
            blob("issuer's name", &issuer.subject)?;
            blob("issuer's certificate", &issuer.certificate)?;
            positive("issuer's generation", u64::from(issuer.generation))
        }
        Change::RecordHolder(record) => holder(record),
        Change::ReceiveRequest(request) => request_values(request),
        Change::Renew { request, csr } => {
            request_values(request)?;
            blob("request", csr)
        }
        Change::Intend(intent) => {
            if intent.not_after < intent.not_before {
                return Err(StoreError::value(
                    format_args!("certificate {}", intent.id),
                    format_args!(
                        "notAfter {} is before notBefore {}",
                        intent.not_after, intent.not_before
                    ),
                ));
            }
            blob("tbsCertificate", &intent.tbs)
        }
        Change::Issue { certificate, .. } => blob("certificate", certificate),
        Change::ReserveCrlNumber { number, .. } => crl_number("CRL number", *number),
        Change::PublishCrl(crl) => {
            if crl.next_update <= crl.this_update {
                return Err(StoreError::value(
                    format_args!("CRL {} of {}", crl.number, crl.issuer),
                    format_args!(
                        "nextUpdate {} is not after thisUpdate {}",
                        crl.next_update, crl.this_update
                    ),
                ));
            }
            if let CrlKind::Delta { base } = crl.kind {
                crl_number("BaseCRLNumber", base)?;
                if base >= crl.number {
                    return Err(StoreError::value(
                        format_args!("delta CRL {} of {}", crl.number, crl.issuer),
                        format_args!("its base {base} is not before it"),
                    ));
                }
            }
            crl_number("CRL number", crl.number)
        }
        Change::RegisterDocument(document) => blob("sealed box", &document.sealed),
        Change::LogDocument(leaf) => {
            if leaf.octets.is_empty() || leaf.octets.len() > MAX_ENTRY {
                return Err(StoreError::value(
                    "leaf",
                    format_args!(
                        "must have 1 to {MAX_ENTRY} octets, has {}",
                        leaf.octets.len()
                    ),
                ));
            }
            positive("version of a leaf", u64::from(leaf.version))?;
            match &leaf.detail {
                Some(detail) => blob("what is kept beside a leaf", detail),
                None => Ok(()),
            }
        }
        Change::ClaimSubject(subject) | Change::VetSubject(subject) => {
            blob("request", &subject.csr)?;
            if subject.identity.contains('\0') {
                return Err(StoreError::value(
                    "identity",
                    "must not hold the character U+0000",
                ));
            }
            blob("identity", subject.identity.as_bytes())
        }
        Change::SetOfficer(officer) => {
            let ordered = officer.roles.is_sorted_by(|a, b| a < b);
            if !ordered {
                return Err(StoreError::value(
                    format_args!("officer {}", officer.name),
                    format_args!("roles {} are not each once, in order", officer.role_names()),
                ));
            }
            Ok(())
        }
        Change::ApproveRequest(_)
        | Change::Archive(_)
        | Change::ChangeDocument { .. }
        | Change::Publish(_)
        | Change::RefuseRequest(_)
        | Change::Restore(_)
        | Change::ResumeIssuance
        | Change::Revoke { .. }
        | Change::StopIssuance
        | Change::Suspend { .. } => Ok(()),
    }
}

fn blob(object: &str, octets: &[u8]) -> Result<(), StoreError> {
    if octets.is_empty() || octets.len() > MAX_BLOB {
        return Err(StoreError::value(
            object,
            format_args!("must have 1 to {MAX_BLOB} octets, has {}", octets.len()),
        ));
    }
    Ok(())
}

fn request_values(request: &Request) -> Result<(), StoreError> {
    if request.approval == Approval::Others(0) {
        return Err(StoreError::value(
            format_args!("request {}", request.id),
            "approval by 0 others is none: say so",
        ));
    }
    blob("public key", &request.public_key)
}

fn positive(object: impl Display, number: u64) -> Result<(), StoreError> {
    if number == 0 {
        return Err(StoreError::value(object, "must be 1 or more, is 0"));
    }
    Ok(())
}

/// CRL numbers are kept as signed 64-bit integers, of the 20 octets that RFC 5280 §5.2.3 allows.
fn crl_number(object: &str, number: u64) -> Result<(), StoreError> {
    positive(object, number)?;
    i64::try_from(number).map(|_| ()).map_err(|_| {
        StoreError::value(
            object,
            format_args!("must be at most {}, is {number}", i64::MAX),
        )
    })
}

fn holder(holder: &Holder) -> Result<(), StoreError> {
    positive(
        format_args!("version of holder {}", holder.id),
        u64::from(holder.version),
    )?;
    let name = holder.identity.identifier();
    if name.len() > MAX_NAME {
        return Err(StoreError::value(
            format_args!("identifier of holder {}", holder.id),
            format_args!("has {} octets, at most {MAX_NAME} are kept", name.len()),
        ));
    }
    let (kind, types): (_, &[&str]) = match holder.identity {
        Identity::Legal { .. } => ("legal", &["VAT", "NTR", "TIN", "PSD", "LEI"]),
        Identity::Natural { .. } => ("natural", &["PAS", "IDC", "PNO", "TIN", "TAX"]),
    };
    if !is_semantics_identifier(name, types) {
        // The value itself is personal data: it stays out of messages, which go to logs.
        return Err(StoreError::value(
            format_args!("identifier of holder {}", holder.id),
            format_args!(
                "must be a semantics identifier of a {kind} person: one of {}, a country, \
                 \"-\" and the number",
                types.join(", ")
            ),
        ));
    }
    let texts: [Option<&String>; 3] = match &holder.identity {
        Identity::Legal { organization, .. } => [Some(organization), None, holder.contact.as_ref()],
        Identity::Natural {
            given_name,
            surname,
            ..
        } => [Some(given_name), Some(surname), holder.contact.as_ref()],
    };
    for text in texts.into_iter().flatten() {
        if text.trim().is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(StoreError::value(
                format_args!("names of holder {}", holder.id),
                format_args!(
                    "each must have 1 to {MAX_TEXT} octets without control characters, one has {}",
                    text.len()
                ),
            ));
        }
    }
    Ok(())
}

/// EN 319 412-1 §5.1.3 and §5.1.4: three letters (or two of a national scheme and ":"), two letters
/// of a country, a hyphen, the number.
fn is_semantics_identifier(text: &str, types: &[&str]) -> bool {
    let Some((head, number)) = text.split_once('-') else {
        return false;
    };
    if !head.is_ascii() || head.len() != 5 || number.is_empty() {
        return false;
    }
    let (kind, country) = head.split_at(3);
    let national = kind.ends_with(':') && kind.chars().take(2).all(|c| c.is_ascii_uppercase());
    (national || types.contains(&kind))
        && country.chars().all(|c| c.is_ascii_uppercase())
        && !number.chars().any(|c| c.is_control() || c.is_whitespace())
}
