//! CAdES at a level.

use std::io::Write;

use super::material::collect;
use super::pdf::stamped_by;
use super::{Level, LevelError, Services, Signer, is_stamped};
use crate::cades::{
    Input, SignatureParameters, add_signature_timestamp, add_validation_data, attach, detach,
    prepare, prepare_archive, sign_detached, signature_imprint,
};
use crate::source::ReadAt;
use crate::validation::{Inputs, Signature, validate};

/// Signs `content` at a level and writes the message to `out`: detached, or with the content in it.
///
/// # Errors
/// [`LevelError`]; nothing is written where the level is not reached.
pub fn sign_cms<S: ReadAt>(
    content: &S,
    enveloping: bool,
    out: &mut dyn Write,
    signer: Signer<'_>,
    parameters: &SignatureParameters,
    level: Level,
    services: &Services<'_>,
) -> Result<(), LevelError> {
    let message = sign_detached(content, signer.key, signer.certificate, parameters)?;
    let message = extended(message, Some(content), level, services)?;
    if enveloping {
        Ok(attach(&message, content, out)?)
    } else {
        let written = out.write_all(&message);
        written.map_err(|e| crate::cades::CadesError::Write(e).into())
    }
}

/// Brings every signer of a message to a level and writes it to `out`. [`Level::Lta`] always adds a
/// time-stamp: it renews. `detached` is the content where the message does not hold it.
///
/// # Errors
/// [`LevelError`]; nothing is written where the level is not reached.
pub fn extend_cms<S: ReadAt>(
    message: &S,
    detached: Option<&dyn ReadAt>,
    out: &mut dyn Write,
    level: Level,
    services: &Services<'_>,
) -> Result<(), LevelError> {
    // The content, however large, is read where it stands: what is worked on is the rest.
    let (working, enclosed) = detach(message)?;
    match (enclosed, detached) {
        (Some(_), Some(_)) => Err(crate::cades::CadesError::Misuse(
            "the message holds its content, and another one was given".to_owned(),
        )
        .into()),
        (Some(content), None) => {
            let working = extended(working, Some(&content), level, services)?;
            Ok(attach(&working, &content, out)?)
        }
        (None, detached) => {
            let working = extended(working, detached, level, services)?;
            let written = out.write_all(&working);
            written.map_err(|e| crate::cades::CadesError::Write(e).into())
        }
    }
}

fn extended(
    mut message: Vec<u8>,
    content: Option<&dyn ReadAt>,
    level: Level,
    services: &Services<'_>,
) -> Result<Vec<u8>, LevelError> {
    if level == Level::B {
        return Ok(message);
    }
    let read = |message: &Vec<u8>| -> Result<Vec<Signature>, LevelError> {
        Ok(prepare(&Input {
            message,
            detached: content,
        })?)
    };
    let signatures = read(&message)?;
    if signatures.is_empty() {
        return Err(LevelError::NoSignature);
    }
    let report = validate(
        &signatures,
        &Inputs {
            at: (services.clock)(),
            anchors: services.anchors,
            evidence: services.evidence,
            policy: services.policy,
        },
    );
    let algorithms: Vec<_> = signatures
        .iter()
        .map(|s| {
            let signed = s.value.algorithm.map(|a| a.digest());
            stamped_by(signed.unwrap_or(crate::keys::DigestAlgorithm::Sha256))
        })
        .collect();
    for (n, (signature, algorithm)) in report.signatures.iter().zip(&algorithms).enumerate() {
        if !is_stamped(signature) {
            let digest = signature_imprint(&message, n, *algorithm)?;
            let token = (services.stamp)(&digest)?;
            let mut next = Vec::with_capacity(message.len().saturating_add(8192));
            add_signature_timestamp(&message, n, &token, &mut next)?;
            message = next;
        }
    }
    if level >= Level::Lt {
        let material = collect(&read(&message)?, services)?;
        let mut next = Vec::with_capacity(message.len());
        add_validation_data(&message, &material, &mut next)?;
        message = next;
    }
    if level == Level::Lta {
        for (n, algorithm) in algorithms.iter().enumerate() {
            let prepared = prepare_archive(&message, n, content, *algorithm)?;
            let token = (services.stamp)(prepared.digest())?;
            let mut next = Vec::with_capacity(message.len().saturating_add(8192));
            prepared.finish(&message, &token, &mut next)?;
            message = next;
        }
    }
    Ok(message)
}
