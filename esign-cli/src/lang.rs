//! The languages of people: Azerbaijani and English, from Fluent files.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use esign_core::time::UnixTime;

/// The files of each language, one a subject.
const AZ: [&str; 5] = [
    include_str!("../locales/az/main.ftl"),
    include_str!("../locales/az/code.ftl"),
    include_str!("../locales/az/show.ftl"),
    include_str!("../locales/az/facts.ftl"),
    include_str!("../locales/az/lint.ftl"),
];
const EN: [&str; 5] = [
    include_str!("../locales/en/main.ftl"),
    include_str!("../locales/en/code.ftl"),
    include_str!("../locales/en/show.ftl"),
    include_str!("../locales/en/facts.ftl"),
    include_str!("../locales/en/lint.ftl"),
];

/// Texts in one language.
pub(crate) struct Lang {
    bundle: FluentBundle<FluentResource>,
}

impl Lang {
    /// The language asked for, else the locale's, else English.
    pub(crate) fn choose(asked: Option<&str>) -> Self {
        let locale = || {
            ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        };
        let wanted = asked.map(str::to_owned).or_else(locale).unwrap_or_default();
        Self::new(if wanted.starts_with("az") { "az" } else { "en" })
    }

    fn new(code: &'static str) -> Self {
        let texts = if code == "az" { AZ } else { EN };
        let id: LanguageIdentifier = code.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new(vec![id]);
        // Isolation marks are for mixed directions; both languages are written left to right.
        bundle.set_use_isolating(false);
        for text in texts {
            let resource = match FluentResource::try_new(text.to_owned()) {
                Ok(resource) | Err((resource, _)) => resource,
            };
            bundle.add_resource_overriding(resource);
        }
        Self { bundle }
    }

    /// The text of a key; the key itself where there is none.
    pub(crate) fn text(&self, key: &str) -> String {
        self.with(key, &[])
    }

    /// The text of a key with values put in.
    pub(crate) fn with(&self, key: &str, values: &[(&str, &str)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return key.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(*value));
        }
        let mut errors = Vec::new();
        self.bundle
            .format_pattern(pattern, Some(&args), &mut errors)
            .into_owned()
    }

    /// Whether there is a text for the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.bundle.has_message(key)
    }

    /// The name of a value in a finding; the value's own where there is none.
    pub(crate) fn fact(&self, name: &str) -> String {
        let key = fact_key(name);
        if self.has(&key) {
            self.text(&key)
        } else {
            name.to_owned()
        }
    }

    /// An instant for people: Asia/Baku, which is UTC+4 all year round since 2016.
    pub(crate) fn time(&self, time: UnixTime) -> String {
        let c = time.plus(4 * 3600).civil();
        format!(
            "{:02}.{:02}.{:04} {:02}:{:02}:{:02} (UTC+4)",
            c.day, c.month, c.year, c.hour, c.minute, c.second
        )
    }
}

fn fact_key(name: &str) -> String {
    format!("fact-{}", name.to_ascii_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(text: &str) -> BTreeSet<&str> {
        text.lines()
            .filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|l| l.split_once(" ="))
            .map(|(key, _)| key)
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        let mut all = BTreeSet::new();
        for (az, en) in AZ.iter().zip(EN) {
            assert_eq!(keys(az), keys(en));
            for key in keys(az) {
                assert!(all.insert(key), "{key} stands in two files");
            }
        }
        for text in AZ.iter().chain(&EN) {
            if let Err((_, errors)) = FluentResource::try_new((*text).to_owned()) {
                panic!("{errors:?}");
            }
        }
    }

    /// The library's own files in the folders whose findings people are shown.
    fn sources() -> Vec<String> {
        fn read(folder: &std::path::Path, texts: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, texts);
                } else {
                    texts.push(std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../esign-core/src");
        let mut texts = Vec::new();
        for folder in ["cades", "ocsp", "pades", "path", "validation"] {
            read(&root.join(folder), &mut texts);
        }
        texts
    }

    /// Every rule of the library whose findings people are shown has a text.
    #[test]
    fn every_rule_has_a_text() {
        let known = keys(EN[0]);
        let mut missing = BTreeSet::new();
        let mut seen = 0;
        for text in sources() {
            let prefixes = [
                "cms.",
                "crl.",
                "ocsp.",
                "pades.",
                "path.",
                "pdf.",
                "policy.",
                "signature.",
            ];
            for literal in text.split('"').skip(1).step_by(2) {
                let id = literal
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b"-.".contains(&b));
                if id && prefixes.iter().any(|p| literal.starts_with(p)) {
                    seen += 1;
                    let key = format!("rule-{}", literal.replace('.', "-"));
                    if !known.contains(key.as_str()) {
                        missing.insert(key);
                    }
                }
            }
        }
        assert!(seen > 60, "rule ids were not found: {seen}");
        assert!(missing.is_empty(), "{missing:#?}");
    }

    /// So has every value that a finding names.
    #[test]
    fn every_value_has_a_name() {
        let known = keys(EN[3]);
        let mut missing = BTreeSet::new();
        let mut seen = 0;
        for text in sources() {
            for after in text.split(".with(").skip(1) {
                let name = after.trim_start().strip_prefix('"');
                let Some((name, _)) = name.and_then(|n| n.split_once('"')) else {
                    continue;
                };
                seen += 1;
                if !known.contains(fact_key(name).as_str()) {
                    missing.insert(name.to_owned());
                }
            }
        }
        assert!(seen > 100, "values were not found: {seen}");
        assert!(missing.is_empty(), "{missing:#?}");
    }

    /// Every rule of the linter has a text.
    #[test]
    fn every_lint_has_a_text() {
        let known = keys(EN[4]);
        let mut rules = esign_core::lint::rules();
        rules.extend(esign_core::x509::KEY_RULES);
        assert!(rules.len() > 100);
        let missing: Vec<_> = rules
            .iter()
            .map(|r| r.id.replace('.', "-"))
            .filter(|key| !known.contains(key.as_str()))
            .collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }

    #[test]
    fn nobody_is_accused() {
        assert!(
            !AZ.concat().to_lowercase().contains("saxta"),
            "say what failed, not that it is forged"
        );
    }

    #[test]
    fn people_see_baku_time() {
        let time = UnixTime::parse("2026-11-22T21:30:00Z").unwrap();
        assert_eq!(Lang::new("en").time(time), "23.11.2026 01:30:00 (UTC+4)");
    }
}
