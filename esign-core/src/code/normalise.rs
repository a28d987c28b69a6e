//! From what people type to symbols: byte-exact, free of any locale, and told.

use super::{ALPHABET, CodeError, SYMBOLS};

/// The symbols' values, and what was folded to get them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised {
    /// Values, each below 31.
    pub symbols: [u8; SYMBOLS],
    /// What was read as another symbol than it is, in order.
    pub folded: Vec<Folded>,
}

/// One character that was read as a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// What was typed.
    pub typed: char,
    /// What it was read as.
    pub symbol: char,
}

/// Drops separators and folds look-alikes; for codes only, never for fields.
///
/// # Errors
/// [`CodeError::Character`] and [`CodeError::Length`].
pub fn normalise(text: &str) -> Result<Normalised, CodeError> {
    let mut symbols = [0; SYMBOLS];
    let mut folded = Vec::new();
    let mut count = 0usize;
    // All of the text: what stands far behind a code belongs to what was typed, too.
    for typed in text.chars() {
        if is_separator(typed) {
            continue;
        }
        count += 1;
        let Some(symbol) = fold(typed) else {
            return Err(CodeError::Character {
                found: typed,
                place: count,
            });
        };
        // Small letters are the everyday case, not worth telling.
        if symbol != typed.to_ascii_uppercase() && count <= SYMBOLS {
            folded.push(Folded { typed, symbol });
        }
        let value = ALPHABET
            .iter()
            .position(|b| char::from(*b) == symbol)
            .unwrap_or(0);
        if let Some(slot) = symbols.get_mut(count - 1) {
            *slot = u8::try_from(value).unwrap_or(0);
        }
    }
    if count != SYMBOLS {
        return Err(CodeError::Length(count));
    }
    Ok(Normalised { symbols, folded })
}

/// White space, hyphens, dashes, dots, underscores and the invisible characters that copying adds.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\r' | '\n' | '-' | '.' | '_' | '\u{a0}' | '\u{ad}' | '\u{b7}' | '\u{feff}'
            | '\u{2000}'..='\u{200b}' | '\u{2010}'..='\u{2015}' | '\u{2022}' | '\u{202f}'
            | '\u{2060}' | '\u{2212}' | '\u{3000}'
    )
}

/// The symbol that a character stands for.
fn fold(c: char) -> Option<char> {
    // Full-width forms lie 0xFEE0 above ASCII.
    let c = match c {
        '\u{ff01}'..='\u{ff5e}' => u32::from(c)
            .checked_sub(0xfee0)
            .and_then(char::from_u32)
            .unwrap_or(c),
        c => c,
    };
    let symbol = match c {
        'i' | 'I' | 'İ' | 'ı' | 'l' | 'L' | '|' | '!' => '1',
        'o' | 'O' | 'ö' | 'Ö' => '0',
        'u' | 'U' | 'ü' | 'Ü' | 'w' | 'W' => 'V',
        'ç' | 'Ç' => 'C',
        'ş' | 'Ş' => 'S',
        'ğ' | 'Ğ' => 'G',
        'ə' | 'Ə' => 'E',
        // Cyrillic letters that look like a symbol.
        'А' | 'а' => 'A',
        'В' | 'в' => 'B',
        'С' | 'с' => 'C',
        'Е' | 'е' => 'E',
        'Н' | 'н' => 'H',
        'К' | 'к' => 'K',
        'М' | 'м' => 'M',
        'О' | 'о' => '0',
        'Р' | 'р' => 'P',
        'Т' | 'т' => 'T',
        'Х' | 'х' => 'X',
        'У' | 'у' => 'Y',
        'З' | 'з' => '3',
        'Ѕ' | 'ѕ' => 'S',
        'Ј' | 'ј' => 'J',
        'І' | 'і' => '1',
        c => c.to_ascii_uppercase(),
    };
    ALPHABET
        .iter()
        .any(|b| char::from(*b) == symbol)
        .then_some(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, CodeError> {
        let symbols = normalise(text)?.symbols;
        Ok(symbols
            .iter()
            .map(|v| char::from(ALPHABET[usize::from(*v)]))
            .collect())
    }

    #[test]
    fn what_people_type() {
        let code = "0123456789ABCDEF2NBK";
        for text in [
            "0123-4567-89AB-CDEF-2NBK",
            " 0123 4567 89ab cdef 2nbk\n",
            "o123–4567—89AB.CDEF\u{a0}2NBK",
            "Oİ23 4567 89ab cdef 2nbk",
            "0ı23 4567 89АВ СDЕF 2NВК",
            "０１２３４５６７８９ＡＢＣＤＥＦ２ＮＢＫ",
            "0|23456789ABçDəF2NBK",
            "0!23456789abÇdƏf2nbk",
        ] {
            assert_eq!(shown(text).as_deref(), Ok(code), "{text}");
        }
        assert_eq!(
            shown("VUWÜü000000000000000").as_deref(),
            Ok("VVVVV000000000000000")
        );
    }

    #[test]
    fn folding_is_told() {
        let folded = normalise("O123456789ABCDEF2nbk").unwrap().folded;
        assert_eq!(
            folded,
            [Folded {
                typed: 'O',
                symbol: '0'
            }]
        );
    }

    #[test]
    fn no_text_is_too_long_and_none_of_it_is_passed_over() {
        let code = "0123456789ABCDEF2NBK";
        let blanks = " ".repeat(100_000);
        assert_eq!(shown(&format!("{blanks}{code}{blanks}")), shown(code));
        assert_eq!(
            shown(&format!("{code}{blanks}0")),
            Err(CodeError::Length(21))
        );
        assert_eq!(
            shown(&format!("{code}{blanks}#")),
            Err(CodeError::Character {
                found: '#',
                place: 21
            })
        );
        assert_eq!(shown(&"O".repeat(100_000)), Err(CodeError::Length(100_000)));
    }

    #[test]
    fn what_is_no_symbol_is_named() {
        assert_eq!(
            shown("0123-45#7"),
            Err(CodeError::Character {
                found: '#',
                place: 7
            })
        );
        for c in ["é", "٣", "β", "\u{0}", "😀"] {
            assert!(shown(&c.repeat(20)).is_err());
        }
    }
}
