//! What the stamp looks like: the operators of its form XObject.
//!
//! ```text
//! ┌──────────┬──────────────┐
//! │          │ SINAQ        │
//! │   QR     │ lines        │
//! │          │ address      │
//! ├──────────┴──────────────┤
//! │ 0123-4567-89AB-CDEF-2NBK│
//! └─────────────────────────┘
//! ```

use std::fmt::Write;

use super::font::Font;
use super::qr::{QUIET, Symbol};
use super::{Content, StampError};

/// Points in a millimetre.
pub(super) const MM: f64 = 72.0 / 25.4;
/// The symbol's side with its quiet zone, as long as modules stay large enough: 0.35 mm at version 13.
const QR_SIDE: f64 = 27.0 * MM;
/// The smallest module that office printers and phone cameras manage together.
const MIN_MODULE: f64 = 0.33 * MM;
/// Width of the text beside the symbol.
const COLUMN: f64 = 34.0 * MM;
const PADDING: f64 = 1.0 * MM;
/// Height of the line with the code.
const CODE_LINE: f64 = 5.2 * MM;
/// The code's largest and smallest size in points; it is typed from paper.
const CODE_SIZES: (f64, f64) = (11.0, 8.0);
/// Sizes of the other text, tried in turn; under 5 points print is not read.
const TEXT_SIZES: [f64; 6] = [7.5, 7.0, 6.5, 6.0, 5.5, 5.0];
/// Baseline to baseline; the accents of İ and Ğ stay clear of the line above.
const LEADING: f64 = 1.25;
const BAND: f64 = 5.0 * MM;
/// The word for a test document.
const TEST: &str = "SINAQ";
/// Characters of all texts together: ten times what has room.
const MAX_TEXT: usize = 4000;

/// The finished drawing; lengths in points.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) module: f64,
    pub(super) operators: Vec<u8>,
}

pub(super) fn draw(
    content: &Content,
    symbol: &Symbol,
    sans: &Font,
    mono: &Font,
) -> Result<Drawing, StampError> {
    check(content, sans, mono)?;
    let modules = f64::from(symbol.size() + 2 * QUIET);
    let side = QR_SIDE.max(modules * MIN_MODULE);
    let (width, height) = (side + COLUMN + PADDING, side + CODE_LINE);
    let mut out = String::new();
    // White beneath, so that the symbol can be read over anything; a thin frame.
    let _ = write!(out, "1 g 0 0 {width:.3} {height:.3} re f\n0 g 0 G 0.5 w\n");
    let _ = writeln!(out, "0.25 0.25 {:.3} {:.3} re S", width - 0.5, height - 0.5);
    draw_symbol(&mut out, symbol, side / modules, CODE_LINE);

    let mut top = height - PADDING;
    if content.test {
        let size = 11.0;
        let left = side + (COLUMN - sans.width(TEST) * size) / 2.0;
        let _ = writeln!(
            out,
            "{side:.3} {:.3} {COLUMN:.3} {BAND:.3} re f",
            top - BAND
        );
        out.push_str("1 g\n");
        show(
            &mut out,
            "F0",
            size,
            left,
            top - BAND + 3.2,
            &sans.operand(TEST),
        );
        out.push_str("0 g\n");
        top -= BAND;
    }
    let room = top - CODE_LINE - PADDING;
    let (size, rows) = fit(content, sans, mono, room)?;
    for row in &rows {
        top -= size * LEADING;
        let (name, font) = if row.mono { ("F1", mono) } else { ("F0", sans) };
        // The descenders stay above the next row's box.
        show(
            &mut out,
            name,
            size,
            side,
            top + size * 0.25,
            &font.operand(&row.text),
        );
    }

    let at_one = mono.width(&content.code);
    let size = CODE_SIZES
        .0
        .min((width - 4.0 * PADDING) / at_one.max(0.001));
    if size < CODE_SIZES.1 {
        return Err(StampError::TextTooLong {
            part: "code",
            length: content.code.chars().count(),
        });
    }
    let left = (width - at_one * size) / 2.0;
    show(
        &mut out,
        "F1",
        size,
        left,
        5.0,
        &mono.operand(&content.code),
    );
    Ok(Drawing {
        width,
        height,
        module: side / modules,
        operators: out.into_bytes(),
    })
}

fn check(content: &Content, sans: &Font, mono: &Font) -> Result<(), StampError> {
    let texts = content
        .lines
        .iter()
        .chain([&content.code, &content.address]);
    let length = texts.fold(0usize, |n, t| n.saturating_add(t.len()));
    if length > MAX_TEXT {
        return Err(StampError::TextTooLong {
            part: "lines and address",
            length,
        });
    }
    mono.check("code", &content.code)?;
    mono.check("address", &content.address)?;
    content
        .lines
        .iter()
        .try_for_each(|line| sans.check("line", line))
}

fn draw_symbol(out: &mut String, symbol: &Symbol, module: f64, bottom: f64) {
    let size = symbol.size();
    let origin = f64::from(QUIET) * module;
    let _ = writeln!(
        out,
        "q {module:.5} 0 0 {module:.5} {origin:.3} {:.3} cm",
        bottom + origin
    );
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let start = x;
            while x < size && symbol.dark(x, y) {
                x += 1;
            }
            if x > start {
                // Rows from the top; runs in one rectangle, so that no hairlines show between modules.
                let _ = writeln!(out, "{start} {} {} 1 re", size - 1 - y, x - start);
            }
            x += 1;
        }
    }
    out.push_str("f Q\n");
}

fn show(out: &mut String, font: &str, size: f64, x: f64, y: f64, operand: &str) {
    let _ = writeln!(
        out,
        "BT /{font} {size:.3} Tf {x:.3} {y:.3} Td {operand} Tj ET"
    );
}

struct Row {
    text: String,
    mono: bool,
}

/// The largest size at which lines and address have room, and their rows.
fn fit(
    content: &Content,
    sans: &Font,
    mono: &Font,
    room: f64,
) -> Result<(f64, Vec<Row>), StampError> {
    for size in TEXT_SIZES {
        let mut rows = Vec::new();
        let width = COLUMN / size;
        for line in &content.lines {
            let texts = wrap(line, sans, width).into_iter();
            rows.extend(texts.map(|text| Row { text, mono: false }));
        }
        let texts = wrap(&content.address, mono, width).into_iter();
        rows.extend(texts.map(|text| Row { text, mono: true }));
        let count = f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if count * size * LEADING <= room {
            return Ok((size, rows));
        }
    }
    let lines = content.lines.iter().chain([&content.address]);
    Err(StampError::TextTooLong {
        part: "lines and address",
        length: lines.map(|l| l.chars().count()).sum(),
    })
}

/// Breaks at spaces; a word that is wider than a row, as an address, after any character.
fn wrap(text: &str, font: &Font, width: f64) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let joined = if row.is_empty() {
            word.to_owned()
        } else {
            format!("{row} {word}")
        };
        if font.width(&joined) <= width {
            row = joined;
            continue;
        }
        if !row.is_empty() {
            rows.push(std::mem::take(&mut row));
        }
        for c in word.chars() {
            row.push(c);
            if font.width(&row) > width {
                row.pop();
                if !row.is_empty() {
                    rows.push(std::mem::take(&mut row));
                }
                row.push(c);
            }
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    rows
}
