//! One row of any database, taken column by column, and the values that statements are given.

use esign_core::time::UnixTime;

use crate::ids::{Name, Serial};

/// A column holds what the schema keeps out: somebody else wrote it, or it is damaged.
#[derive(Debug)]
pub(crate) struct Impossible(pub(crate) String);

/// A row as a database gives it: each call takes the next column.
pub(crate) trait Cells {
    fn integer(&mut self) -> Result<Option<i64>, Impossible>;
    fn text(&mut self) -> Result<Option<String>, Impossible>;
    fn octets(&mut self) -> Result<Option<Vec<u8>>, Impossible>;
}

/// A parameter of a statement, or NULL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Octets(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(Some(i64::from(value)))
    }
}

impl From<u64> for Value {
    /// Larger numbers than a column holds are found nowhere.
    fn from(value: u64) -> Self {
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Octets(Some(value.to_vec()))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Octets(Some(value.to_vec()))
    }
}

/// What a column can be read as.
pub(crate) trait Field: Sized {
    /// `None` for NULL.
    fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible>;
}

impl Field for i64 {
    fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible> {
        cells.integer()
    }
}

impl Field for String {
    fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible> {
        cells.text()
    }
}

impl Field for Vec<u8> {
    fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible> {
        cells.octets()
    }
}

impl<const N: usize> Field for [u8; N] {
    fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible> {
        let Some(octets) = cells.octets()? else {
            return Ok(None);
        };
        let length = octets.len();
        Self::try_from(octets.as_slice())
            .map(Some)
            .map_err(|_| Impossible(format!("{length} octets where {N} belong")))
    }
}

macro_rules! narrow {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn take(cells: &mut dyn Cells) -> Result<Option<Self>, Impossible> {
                let Some(value) = cells.integer()? else {
                    return Ok(None);
                };
                Self::try_from(value)
                    .map(Some)
                    .map_err(|_| Impossible(format!("the number {value}, which is out of range")))
            }
        }
    )*};
}
narrow!(u8, u32, u64);

/// Takes the columns of a row one after another.
pub(crate) struct Columns<'a>(pub(crate) &'a mut dyn Cells);

impl Columns<'_> {
    pub(crate) fn take<T: Field>(&mut self) -> Result<T, Impossible> {
        T::take(self.0)?.ok_or_else(|| Impossible("NULL where a value belongs".to_owned()))
    }

    pub(crate) fn take_or_null<T: Field>(&mut self) -> Result<Option<T>, Impossible> {
        T::take(self.0)
    }

    pub(crate) fn time(&mut self) -> Result<UnixTime, Impossible> {
        self.take().map(UnixTime::from_seconds)
    }

    pub(crate) fn time_or_null(&mut self) -> Result<Option<UnixTime>, Impossible> {
        Ok(self.take_or_null()?.map(UnixTime::from_seconds))
    }

    pub(crate) fn name(&mut self) -> Result<Name, Impossible> {
        let text: String = self.take()?;
        checked(Name::new(&text).ok(), "a name")
    }

    pub(crate) fn serial(&mut self) -> Result<Serial, Impossible> {
        let octets: Vec<u8> = self.take()?;
        checked(Serial::from_magnitude(&octets).ok(), "a serial number")
    }
}

/// A value that the schema alone does not bound.
pub(crate) fn checked<T>(value: Option<T>, what: &str) -> Result<T, Impossible> {
    value.ok_or_else(|| Impossible(format!("something that is not {what}")))
}
