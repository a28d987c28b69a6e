//! Adding the drawing to a page: its boxes, its resources, its content streams.

use super::layout::{Drawing, MM};
use super::{Corner, Position, StampError};
use crate::pdf::{Compression, Dict, Object, Page, Reference, Update, View};

/// `/UserUnit` beyond this is refused (ISO 32000-1 table C.1 gives 75 000 as a viewer's limit).
const MAX_USER_UNIT: f64 = 75_000.0;

/// Rewrites the page's dictionary; old content between `q` and `Q`, the form after it.
pub(super) fn add(
    update: &mut Update<'_>,
    view: View<'_>,
    page: &Page,
    form: Reference,
    opening: Reference,
    drawing: &Drawing,
    position: Position,
) -> Result<(), StampError> {
    let matrix = Sheet::read(view, page)?.matrix(page, drawing, position)?;
    let (resources, name) = resources(view, page, form)?;
    let [a, b, c, d, e, f] = matrix;
    // The stamp is no part of the document's logical structure (§14.8.2.2).
    let operators = format!(
        "\nQ\n/Artifact BMC q {a:.6} {b:.6} {c:.6} {d:.6} {e:.4} {f:.4} cm /{name} Do Q EMC\n"
    );
    let closing = update.add_stream(Dict::new(), operators.as_bytes(), Compression::None)?;
    let mut contents = vec![Object::Ref(opening)];
    contents.extend(old_contents(view, page)?);
    contents.push(closing.into());
    let mut dict = page.dict.clone();
    dict.set("Resources", resources);
    dict.set("Contents", Object::Array(contents));
    Ok(update.put(page.reference, &dict.into())?)
}

fn broken(page: &Page, what: impl Into<String>) -> StampError {
    StampError::Page {
        page: page.index.saturating_add(1),
        what: what.into(),
    }
}

/// The visible part of a page in user space.
struct Sheet {
    /// Left, bottom, right, top.
    area: [f64; 4],
    /// Quarter turns clockwise.
    turns: i64,
    /// Points in a unit of user space.
    unit: f64,
}

impl Sheet {
    fn read(view: View<'_>, page: &Page) -> Result<Self, StampError> {
        let Some(media) = rectangle(view, page, "MediaBox")? else {
            return Err(broken(page, "there is no /MediaBox"));
        };
        let area = match rectangle(view, page, "CropBox")? {
            // What the crop box shows beyond the medium is not shown (§14.11.2).
            Some(crop) => [
                crop[0].max(media[0]),
                crop[1].max(media[1]),
                crop[2].min(media[2]),
                crop[3].min(media[3]),
            ],
            None => media,
        };
        let rotate = match page
            .attribute("Rotate")
            .map(|r| view.resolve(r))
            .transpose()?
        {
            None | Some(Object::Null) => 0,
            Some(Object::Integer(angle)) if angle % 90 == 0 => angle.rem_euclid(360),
            Some(_) => return Err(broken(page, "/Rotate is no multiple of 90")),
        };
        let unit = match view.value(&page.dict, "UserUnit")? {
            Object::Null => 1.0,
            other => other
                .as_number()
                .filter(|u| *u > 0.0 && *u <= MAX_USER_UNIT)
                .ok_or_else(|| broken(page, "/UserUnit is no positive number"))?,
        };
        Ok(Self {
            area,
            turns: rotate / 90,
            unit,
        })
    }

    /// From the drawing's space to user space.
    fn matrix(
        &self,
        page: &Page,
        drawing: &Drawing,
        position: Position,
    ) -> Result<[f64; 6], StampError> {
        let [left, bottom, right, top] = self.area;
        let (across, up) = ((right - left) * self.unit, (top - bottom) * self.unit);
        let (width, height) = if self.turns % 2 == 0 {
            (across, up)
        } else {
            (up, across)
        };
        let (x, y) = match position {
            Position::At { x, y } => (x * MM, y * MM),
            Position::In { corner, margin } => {
                let margin = margin * MM;
                let far = (
                    width - drawing.width - margin,
                    height - drawing.height - margin,
                );
                match corner {
                    Corner::BottomLeft => (margin, margin),
                    Corner::BottomRight => (far.0, margin),
                    Corner::TopLeft => (margin, far.1),
                    Corner::TopRight => far,
                }
            }
        };
        // Written so that what is no number does not pass.
        let fits =
            x >= 0.0 && y >= 0.0 && x + drawing.width <= width && y + drawing.height <= height;
        if !fits {
            return Err(StampError::NoRoom {
                page: page.index.saturating_add(1),
                page_size: (width.max(0.0) / MM, height.max(0.0) / MM),
                stamp_size: (drawing.width / MM, drawing.height / MM),
                position: (x / MM, y / MM),
            });
        }
        let s = 1.0 / self.unit;
        let (x, y) = (x * s, y * s);
        // The displayed page's lower left corner in user space, and where its axes point.
        Ok(match self.turns {
            1 => [0.0, s, -s, 0.0, right - y, bottom + x],
            2 => [-s, 0.0, 0.0, -s, right - x, top - y],
            3 => [0.0, -s, s, 0.0, left + y, top - x],
            _ => [s, 0.0, 0.0, s, left + x, bottom + y],
        })
    }
}

/// A box with its corners in order (§7.9.5).
fn rectangle(view: View<'_>, page: &Page, key: &str) -> Result<Option<[f64; 4]>, StampError> {
    let object = page.attribute(key).map(|b| view.resolve(b)).transpose()?;
    let items = match &object {
        None | Some(Object::Null) => return Ok(None),
        Some(Object::Array(items)) => items,
        Some(_) => return Err(broken(page, format!("/{key} is no array"))),
    };
    let mut numbers = Vec::with_capacity(4);
    for item in items.iter().take(5) {
        numbers.extend(view.resolve(item)?.as_number().filter(|n| n.is_finite()));
    }
    let [a, b, c, d] = numbers[..] else {
        return Err(broken(page, format!("/{key} is no array of four numbers")));
    };
    Ok(Some([a.min(c), b.min(d), a.max(c), b.max(d)]))
}

/// The page's resources with the form under a name of its own.
///
/// What is inherited or shared with other pages is copied, never changed in place.
fn resources(view: View<'_>, page: &Page, form: Reference) -> Result<(Dict, String), StampError> {
    let dictionary = |object: Option<Object>, what: &str| match object {
        None | Some(Object::Null) => Ok(Dict::new()),
        Some(Object::Dict(dict)) => Ok(dict),
        Some(other) => Err(broken(page, format!("{what} is {}", other.type_name()))),
    };
    let own = page
        .attribute("Resources")
        .map(|r| view.resolve(r))
        .transpose()?;
    let mut resources = dictionary(own, "/Resources")?;
    let objects = resources
        .get("XObject")
        .map(|x| view.resolve(x))
        .transpose()?;
    let mut objects = dictionary(objects, "/XObject of /Resources")?;
    // One more name than there are entries: one of them is free.
    let name = (0..=objects.len())
        .map(|n| format!("EsignStamp{n}"))
        .find(|name| objects.get(name).is_none())
        .unwrap_or_else(|| "EsignStamp".to_owned());
    objects.set(&name, form);
    resources.set("XObject", objects);
    Ok((resources, name))
}

fn old_contents(view: View<'_>, page: &Page) -> Result<Vec<Object>, StampError> {
    let Some(entry) = page.dict.get("Contents") else {
        return Ok(Vec::new());
    };
    match view.resolve(entry)? {
        Object::Null => Ok(Vec::new()),
        Object::Array(items) => Ok(items),
        Object::Stream(_) if entry.as_ref().is_some() => Ok(vec![entry.clone()]),
        other => Err(broken(page, format!("/Contents is {}", other.type_name()))),
    }
}
