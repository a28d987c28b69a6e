//! The bundled fonts: glyphs, advances, embedding as composite fonts.

use std::collections::BTreeMap;
use std::fmt::Write;

use ttf_parser::{Face, GlyphId};

use super::StampError;
use crate::pdf::{Compression, Dict, Object, PdfError, PdfErrorKind, Reference, Update};

/// One font, of `esign-core/fonts`.
pub(super) struct Font {
    name: &'static str,
    data: &'static [u8],
    face: Face<'static>,
    /// From font units to thousandths of an em.
    scale: f64,
}

impl Font {
    pub(super) fn sans() -> Result<Self, StampError> {
        // The tag marks a subset (§9.6.4).
        Self::read(
            "ESIGNS+NotoSans-Regular",
            include_bytes!("../../fonts/NotoSans-Regular.ttf"),
        )
    }

    /// Its zero is slashed, so that it is not read as O.
    pub(super) fn mono() -> Result<Self, StampError> {
        Self::read(
            "ESIGNM+NotoSansMono-Regular",
            include_bytes!("../../fonts/NotoSansMono-Regular.ttf"),
        )
    }

    fn read(name: &'static str, data: &'static [u8]) -> Result<Self, StampError> {
        let face = Face::parse(data, 0).map_err(|e| {
            PdfError::new(
                PdfErrorKind::Broken,
                format!("the bundled font {name}: {e}"),
            )
        })?;
        let scale = 1000.0 / f64::from(face.units_per_em());
        Ok(Self {
            name,
            data,
            face,
            scale,
        })
    }

    fn advance(&self, glyph: GlyphId) -> f64 {
        f64::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * self.scale
    }

    /// Whether there is a glyph for each character; else the first without.
    pub(super) fn check(&self, part: &'static str, text: &str) -> Result<(), StampError> {
        match text.chars().find(|c| self.face.glyph_index(*c).is_none()) {
            Some(character) => Err(StampError::Character { part, character }),
            None => Ok(()),
        }
    }

    /// Width at a size of 1.
    pub(super) fn width(&self, text: &str) -> f64 {
        let glyphs = text.chars().filter_map(|c| self.face.glyph_index(c));
        glyphs.map(|g| self.advance(g)).sum::<f64>() / 1000.0
    }

    /// The text as a string operand of glyph numbers, two octets each.
    pub(super) fn operand(&self, text: &str) -> String {
        let mut out = String::from("<");
        for glyph in text.chars().filter_map(|c| self.face.glyph_index(c)) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{:04X}", glyph.0);
        }
        out.push('>');
        out
    }

    /// Adds the font to the update: Type0, CIDFontType2, the file, widths, ToUnicode.
    pub(super) fn embed(&self, update: &mut Update<'_>) -> Result<Reference, PdfError> {
        let glyphs = self.face.number_of_glyphs();
        let per_mille = |n: i16| Object::Real((f64::from(n) * self.scale).round());
        let mut file = Dict::new();
        file.set(
            "Length1",
            i64::try_from(self.data.len()).unwrap_or(i64::MAX),
        );
        let file = update.add_stream(file, self.data, Compression::Flate)?;
        let set = update.add_stream(Dict::new(), &cid_set(glyphs), Compression::None)?;

        let bounds = self.face.global_bounding_box();
        let mut descriptor = Dict::new();
        descriptor.set("Type", Object::name("FontDescriptor"));
        descriptor.set("FontName", Object::name(self.name));
        // Symbolic: the glyphs are not chosen by a standard Latin encoding (table 123).
        descriptor.set("Flags", 4);
        descriptor.set(
            "FontBBox",
            Object::Array(
                [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max]
                    .map(per_mille)
                    .to_vec(),
            ),
        );
        descriptor.set("ItalicAngle", 0);
        descriptor.set("Ascent", per_mille(self.face.ascender()));
        descriptor.set("Descent", per_mille(self.face.descender()));
        descriptor.set(
            "CapHeight",
            per_mille(self.face.capital_height().unwrap_or(714)),
        );
        descriptor.set("StemV", 80);
        descriptor.set("FontFile2", file);
        // PDF/A-1 demands it of subsets, PDF/A-2 demands that it be complete.
        descriptor.set("CIDSet", set);
        let descriptor = update.add(&descriptor.into())?;

        let mut system = Dict::new();
        system.set("Registry", Object::literal("Adobe"));
        system.set("Ordering", Object::literal("Identity"));
        system.set("Supplement", 0);
        let widths = (0..glyphs)
            .map(|g| Object::Real(self.advance(GlyphId(g)).round()))
            .collect();
        let mut cid = Dict::new();
        cid.set("Type", Object::name("Font"));
        cid.set("Subtype", Object::name("CIDFontType2"));
        cid.set("BaseFont", Object::name(self.name));
        cid.set("CIDSystemInfo", system);
        cid.set("FontDescriptor", descriptor);
        cid.set("CIDToGIDMap", Object::name("Identity"));
        cid.set(
            "W",
            Object::Array(vec![Object::Integer(0), Object::Array(widths)]),
        );
        let cid = update.add(&cid.into())?;

        let unicode = update.add_stream(
            Dict::new(),
            self.to_unicode().as_bytes(),
            Compression::Flate,
        )?;
        let mut font = Dict::new();
        font.set("Type", Object::name("Font"));
        font.set("Subtype", Object::name("Type0"));
        font.set("BaseFont", Object::name(self.name));
        font.set("Encoding", Object::name("Identity-H"));
        font.set("DescendantFonts", Object::Array(vec![cid.into()]));
        font.set("ToUnicode", unicode);
        update.add(&font.into())
    }

    /// The CMap from glyph numbers to text (§9.10.3).
    fn to_unicode(&self) -> String {
        let mut map: BTreeMap<u16, char> = BTreeMap::new();
        for subtable in self.face.tables().cmap.iter().flat_map(|t| t.subtables) {
            if !subtable.is_unicode() {
                continue;
            }
            subtable.codepoints(|code| {
                if let (Some(c), Some(glyph)) = (char::from_u32(code), subtable.glyph_index(code)) {
                    map.entry(glyph.0).or_insert(c);
                }
            });
        }
        let mut out = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let pairs: Vec<(u16, char)> = map.into_iter().collect();
        // A block holds at most 100 (Adobe Technical Note 5014).
        for block in pairs.chunks(100) {
            let _ = writeln!(out, "{} beginbfchar", block.len());
            for (glyph, character) in block {
                let _ = write!(out, "<{glyph:04X}> <");
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "{unit:04X}");
                }
                out.push_str(">\n");
            }
            out.push_str("endbfchar\n");
        }
        out.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        out
    }
}

/// One bit for each glyph, the first the highest.
fn cid_set(glyphs: u16) -> Vec<u8> {
    let mut set = vec![0xff; usize::from(glyphs / 8)];
    if !glyphs.is_multiple_of(8) {
        set.push(0xff << (8 - glyphs % 8));
    }
    set
}
