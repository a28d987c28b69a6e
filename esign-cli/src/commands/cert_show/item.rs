//! What is said about one thing: rows for people, members for scripts.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::lang::Lang;

/// One thing that was found in a file.
pub(super) struct Item {
    /// Its kind as scripts know it; people read the text `show-kind-…`.
    pub(super) kind: &'static str,
    /// What is wrong with it, in words.
    pub(super) problems: Vec<String>,
    /// Label and lines, in the order in which they are read.
    rows: Vec<(String, Vec<String>)>,
    json: Map<String, Value>,
    /// What lies inside: the certificates of a message or a store.
    pub(super) inner: Vec<Item>,
}

impl Item {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            problems: Vec::new(),
            rows: Vec::new(),
            json: Map::new(),
            inner: Vec::new(),
        }
    }

    /// A thing of a known kind that could not be read at all.
    pub(super) fn broken(kind: &'static str, problem: &dyn std::fmt::Display) -> Self {
        let mut item = Self::new(kind);
        item.problems.push(problem.to_string());
        item
    }

    pub(super) fn problem(&mut self, problem: &dyn std::fmt::Display) {
        let text = problem.to_string();
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// A row of one line.
    pub(super) fn row(&mut self, label: impl Into<String>, line: impl Into<String>) {
        self.rows.push((label.into(), vec![line.into()]));
    }

    /// A row of several lines; none where there are no lines.
    pub(super) fn rows(&mut self, label: impl Into<String>, lines: Vec<String>) {
        if !lines.is_empty() {
            self.rows.push((label.into(), lines));
        }
    }

    /// A member of the JSON form.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.json.insert(key.to_owned(), value.into());
    }

    /// Puts the rows and members of another behind its own.
    pub(super) fn append(&mut self, other: Self) {
        for problem in &other.problems {
            self.problem(problem);
        }
        self.rows.extend(other.rows);
        self.json.extend(other.json);
    }

    /// Whether it or anything inside is malformed.
    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty() || self.inner.iter().any(Self::has_problems)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut all = Map::new();
        all.insert("type".into(), json!(self.kind));
        all.insert("problems".into(), json!(self.problems));
        all.extend(self.json.clone());
        if !self.inner.is_empty() {
            let inner: Vec<Value> = self.inner.iter().map(Self::to_json).collect();
            all.insert("items".into(), Value::Array(inner));
        }
        Value::Object(all)
    }

    /// Writes the rows, what is wrong first; `depth` indents what lies inside.
    pub(super) fn write(&self, lang: &Lang, depth: usize, number: Option<usize>, out: &mut String) {
        let pad = "    ".repeat(depth);
        let number = number.map(|n| format!("{n}. ")).unwrap_or_default();
        let kind = lang.text(&format!("show-kind-{}", self.kind));
        let _ = writeln!(out, "{pad}{number}{kind}");
        for problem in &self.problems {
            let label = lang.text("show-problem");
            let _ = writeln!(out, "{pad}  {label}: {}", clean(problem));
        }
        for (label, lines) in &self.rows {
            if let [line] = lines.as_slice() {
                let _ = writeln!(out, "{pad}  {}: {}", clean(label), clean(line));
            } else {
                let _ = writeln!(out, "{pad}  {}:", clean(label));
                // The lines stand deeper than their label, which may be indented itself.
                let deeper = " ".repeat(label.len() - label.trim_start().len() + 4);
                for line in lines {
                    let _ = writeln!(out, "{pad}{deeper}{}", clean(line));
                }
            }
        }
        for (i, inner) in self.inner.iter().enumerate() {
            inner.write(lang, depth + 1, Some(i + 1), out);
        }
    }
}

/// Escapes what could rearrange or command a terminal: control and direction characters.
pub(in crate::commands) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Lower-case hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

/// Upper-case hexadecimal in pairs, as people compare fingerprints.
pub(super) fn pairs(octets: &[u8]) -> String {
    let all: Vec<String> = octets.iter().map(|b| format!("{b:02X}")).collect();
    all.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}ə"), "a\\u{1b}[2Jb\\u{202e}ə");
    }

    #[test]
    fn hexadecimal_for_machines_and_people() {
        assert_eq!(hex(&[0, 0xab]), "00ab");
        assert_eq!(pairs(&[0, 0xab]), "00:AB");
    }
}
