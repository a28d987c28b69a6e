//! The languages of people: Azerbaijani and English, from Fluent files.

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use esign_core::time::UnixTime;

/// The files of each language, one a subject.
const AZ: [&str; 3] = [
    include_str!("../locales/az/main.ftl"),
    include_str!("../locales/az/code.ftl"),
    include_str!("../locales/az/show.ftl"),
];
const EN: [&str; 3] = [
    include_str!("../locales/en/main.ftl"),
    include_str!("../locales/en/code.ftl"),
    include_str!("../locales/en/show.ftl"),
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

    /// An instant for people: Asia/Baku, which is UTC+4 all year round since 2016.
    pub(crate) fn time(&self, time: UnixTime) -> String {
        let c = time.plus(4 * 3600).civil();
        format!(
            "{:02}.{:02}.{:04} {:02}:{:02}:{:02} (UTC+4)",
            c.day, c.month, c.year, c.hour, c.minute, c.second
        )
    }
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

    /// Every rule of the library whose findings people are shown has a text.
    #[test]
    fn every_rule_has_a_text() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../esign-core/src");
        let mut files = Vec::new();
        for folder in ["cades", "pades", "path", "validation"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                files.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
            }
        }
        let known = keys(EN[0]);
        let mut missing = BTreeSet::new();
        let mut seen = 0;
        for text in &files {
            let prefixes = [
                "cms.",
                "crl.",
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
