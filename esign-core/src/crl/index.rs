use core::cmp::Ordering;
use core::ops::Range;

/// Entries in one bucket up to which they are compared one by one.
const FEW: usize = 16;

/// Finds the places of a serial number among many: 4 octets a place and as much of table where a
/// quarter of the list's octets holds it; then a look-up compares one or two serials.
///
/// Places are counted in octets from the start of the list. Serials that were chosen so that they
/// fall into one bucket are sorted there, so that finding one of them takes logarithmic time.
pub(super) struct Index {
    /// Places, bucket after bucket; in a bucket by place, in a large one by serial and place.
    places: Box<[u32]>,
    /// Where each bucket ends in `places`.
    ends: Box<[u32]>,
}

/// Serials and their places, as one pass meets them.
pub(super) struct Collector(Vec<(u32, u32)>);

impl Collector {
    /// Room for as many entries as a list of `octets` usually has.
    pub(super) fn for_list(octets: usize) -> Self {
        // A serial of 16 octets, a date and a reason are 51.
        Self(Vec::with_capacity(octets / 36))
    }

    pub(super) fn add(&mut self, serial: &[u8], place: u32) {
        self.0.push((hash(serial), place));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Sorts everything into buckets; `serial` gives the serial at a place of the list, which has
    /// that many octets.
    pub(super) fn index<'a>(self, octets: usize, serial: impl Fn(u32) -> &'a [u8]) -> Index {
        let pairs = self.0;
        let count = pairs.len();
        // What a quarter of the list holds after the places, in entries of four octets.
        let room = (octets / 16).saturating_sub(count);
        let buckets = room.clamp(count / 3, count).max(1);
        let mut ends = vec![0u32; buckets].into_boxed_slice();
        let mut places = vec![0u32; pairs.len()].into_boxed_slice();
        // Counting sort: sizes, then starts, which move to the ends as the buckets fill.
        for (hash, _) in &pairs {
            if let Some(size) = ends.get_mut(bucket(*hash, buckets)) {
                *size += 1;
            }
        }
        let mut total = 0u32;
        for end in &mut ends {
            total += core::mem::replace(end, total);
        }
        for (hash, place) in &pairs {
            if let Some(end) = ends.get_mut(bucket(*hash, buckets)) {
                if let Some(slot) = usize::try_from(*end).ok().and_then(|e| places.get_mut(e)) {
                    *slot = *place;
                }
                *end += 1;
            }
        }
        drop(pairs);
        let mut index = Index { places, ends };
        for n in 0..buckets {
            let range = index.range(n);
            if range.len() > FEW {
                let bucket = index.places.get_mut(range).unwrap_or_default();
                bucket.sort_unstable_by(|a, b| serial(*a).cmp(serial(*b)).then(a.cmp(b)));
            }
        }
        index
    }
}

impl Index {
    /// The places of `wanted`, in ascending order.
    pub(super) fn places<'a: 'i, 'i>(
        &'i self,
        wanted: &'i [u8],
        serial: impl Fn(u32) -> &'a [u8] + 'i,
    ) -> impl Iterator<Item = u32> + 'i {
        let range = self.range(bucket(hash(wanted), self.ends.len()));
        let mut bucket = self.places.get(range).unwrap_or_default();
        if bucket.len() > FEW {
            let from = bucket.partition_point(|p| serial(*p).cmp(wanted) == Ordering::Less);
            let to = bucket.partition_point(|p| serial(*p).cmp(wanted) != Ordering::Greater);
            bucket = bucket.get(from..to).unwrap_or_default();
        }
        let places = bucket.iter().copied();
        places.filter(move |place| serial(*place) == wanted)
    }

    /// The first of two places for which `same` holds; serials that are equal are in one bucket.
    pub(super) fn pair(&self, same: impl Fn(u32, u32) -> bool) -> Option<u32> {
        (0..self.ends.len()).find_map(|n| {
            let bucket = self.places.get(self.range(n)).unwrap_or_default();
            if bucket.len() > FEW {
                // Sorted by serial, so equal ones are neighbours; which may be of two issuers.
                bucket
                    .windows(2)
                    .find_map(|w| w.first().zip(w.get(1)).filter(|(a, b)| same(**a, **b)))
                    .map(|(a, _)| *a)
            } else {
                pair(bucket, &same)
            }
        })
    }

    fn range(&self, bucket: usize) -> Range<usize> {
        let end = |n: Option<usize>| {
            n.and_then(|n| self.ends.get(n))
                .map_or(0, |e| usize::try_from(*e).unwrap_or(usize::MAX))
        };
        end(bucket.checked_sub(1))..end(Some(bucket))
    }
}

/// The first of two of `places` for which `same` holds.
pub(super) fn pair(places: &[u32], same: impl Fn(u32, u32) -> bool) -> Option<u32> {
    let mut rest = places;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| same(*first, *other)) {
            return Some(*first);
        }
        rest = others;
    }
    None
}

/// Multiplies and folds, eight octets at a time. It need not withstand anyone: see [`Index`].
fn hash(serial: &[u8]) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = 0u64;
    for chunk in serial.rchunks(8) {
        let word = chunk.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b));
        state = (state.rotate_left(29) ^ word).wrapping_mul(ODD);
    }
    u32::try_from(state >> 32).unwrap_or(u32::MAX)
}

/// Spreads a hash over `buckets`.
fn bucket(hash: u32, buckets: usize) -> usize {
    let wide = u64::from(hash).saturating_mul(u64::try_from(buckets).unwrap_or(u64::MAX));
    usize::try_from(wide >> 32).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inverse of the multiplier modulo 2^64: serials with one hash are made with it.
    fn inverse() -> u64 {
        let odd = 0x9e37_79b9_7f4a_7c15u64;
        let mut x = odd;
        for _ in 0..6 {
            x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        }
        assert_eq!(x.wrapping_mul(odd), 1);
        x
    }

    fn indexed(serials: &[Vec<u8>]) -> Index {
        let mut all = Collector::for_list(0);
        for (i, serial) in serials.iter().enumerate() {
            all.add(serial, u32::try_from(i).unwrap());
        }
        all.index(serials.len() * 20, |p| {
            &serials[usize::try_from(p).unwrap()]
        })
    }

    #[test]
    fn every_serial_is_found_at_its_places() {
        let mut serials: Vec<Vec<u8>> = (0..5000u32).map(|i| i.to_be_bytes().to_vec()).collect();
        serials.extend((0..100u32).map(|i| i.to_be_bytes().to_vec()));
        let index = indexed(&serials);
        let at = |p: u32| serials[usize::try_from(p).unwrap()].as_slice();
        for (i, serial) in serials.iter().enumerate() {
            let found: Vec<u32> = index.places(serial, at).collect();
            let expected: Vec<u32> = (0u32..)
                .zip(&serials)
                .filter(|(_, s)| *s == serial)
                .map(|(p, _)| p)
                .collect();
            assert_eq!(found, expected, "{i}");
        }
        assert_eq!(index.places(&[9; 20], at).count(), 0);
        assert_eq!(indexed(&[]).places(&[1], |_| &[]).count(), 0);
    }

    #[test]
    fn serials_that_collide_cost_logarithmic_time() {
        let inverse = inverse();
        let serials: Vec<Vec<u8>> = (0..20_000u64)
            .map(|i| i.wrapping_mul(inverse).to_be_bytes().to_vec())
            .collect();
        assert!(serials.iter().all(|s| hash(s) == hash(&serials[0])));
        let index = indexed(&serials);
        let asked = core::cell::Cell::new(0);
        let at = |p: u32| {
            asked.set(asked.get() + 1);
            serials[usize::try_from(p).unwrap()].as_slice()
        };
        for wanted in [0u32, 1, 9999, 19_999] {
            let serial = &serials[usize::try_from(wanted).unwrap()];
            asked.set(0);
            assert_eq!(index.places(serial, at).collect::<Vec<_>>(), [wanted]);
            assert!(asked.get() < 40, "{} comparisons", asked.get());
        }
    }
}
