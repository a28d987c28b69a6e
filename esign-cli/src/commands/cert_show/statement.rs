//! Statements of a qualified certificate (RFC 3739 3.2.6, EN 319 412-5).

use esign_core::der::{DecodeError, Reader, Rules};
use esign_core::x509::QcStatement;
use serde_json::json;

use super::describe::oid_word;
use super::extension::{Uses, texts, unknown};
use super::item::{Item, hex};
use crate::lang::Lang;

/// Reads `QCStatements`.
pub(super) fn statements(value: &[u8]) -> Result<Vec<QcStatement>, DecodeError> {
    let mut all = Vec::new();
    Reader::new(value, Rules::Ber).sequence("", |r| {
        while !r.is_empty() {
            all.push(r.sequence("qcStatement", |r| {
                let id = r.oid("statementId")?;
                let info = if r.is_empty() {
                    None
                } else {
                    Some(r.any("statementInfo")?.raw.to_vec())
                };
                Ok(QcStatement { id, info })
            })?);
        }
        Ok(())
    })?;
    Ok(all)
}

/// Statements about a qualified certificate, and the member `qc_statements`.
pub(super) fn statement_lines(
    lang: &Lang,
    all: &[QcStatement],
    uses: &mut Uses,
    item: &mut Item,
) -> Vec<String> {
    let mut out = Vec::new();
    let mut list = Vec::new();
    for statement in all {
        let id = statement.id.to_string();
        let mut line = oid_word(lang, &id);
        let identifiers: Vec<String> = statement
            .identifiers()
            .iter()
            .map(ToString::to_string)
            .collect();
        let info = statement.info.as_deref().unwrap_or_default();
        let mut details: Vec<String> = identifiers.iter().map(|o| oid_word(lang, o)).collect();
        match id.as_str() {
            "0.4.0.1862.1.6" => uses.qc_types.extend(identifiers.iter().cloned()),
            "0.4.0.1862.1.3" => {
                details = Reader::new(info, Rules::Ber)
                    .u32("")
                    .map(|n| vec![lang.with("show-years", &[("count", &n.to_string())])])
                    .unwrap_or_default();
            }
            "0.4.0.1862.1.5" => {
                details = statement
                    .disclosures()
                    .into_iter()
                    .map(|(url, language)| format!("{url} ({language})"))
                    .collect();
            }
            "0.4.0.1862.1.7" | "0.4.0.1862.1.2" => details = vec![texts(info)],
            _ => {}
        }
        if details.is_empty() && !info.is_empty() {
            details.push(unknown(lang, info));
        }
        if !details.is_empty() {
            line = format!("{line}: {}", details.join(", "));
        }
        out.push(line);
        list.push(json!({"id": id, "identifiers": identifiers,
            "info": statement.info.as_deref().map(hex)}));
    }
    item.set("qc_statements", list);
    out
}
