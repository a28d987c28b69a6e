use std::collections::HashMap;
use std::sync::Arc;

use super::Name;

/// Up to so many, looking at each name is cheaper than making the key of one.
pub(crate) const FEW: usize = 8;

/// Things in the order in which they were added, found by name as RFC 5280 7.1 compares names.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    all: Vec<T>,
    /// Where each name is in `all`, as soon as there are more than a few.
    places: HashMap<Arc<[u8]>, Vec<usize>>,
}

/// What is found by a name.
pub(crate) trait HasName {
    /// The name by which it is found.
    fn name(&self) -> &Name;
}

impl<T: HasName> Named<T> {
    pub(crate) fn add(&mut self, one: T) {
        let at = self.all.len();
        self.all.push(one);
        let from = if at == FEW { 0 } else { at };
        for (i, one) in self.all.iter().enumerate().skip(from) {
            if at >= FEW {
                let places = self.places.entry(one.name().shared_key());
                places.or_default().push(i);
            }
        }
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }

    /// Those whose name matches.
    pub(crate) fn named(&self, name: &Name) -> impl Iterator<Item = &T> {
        let (few, many) = if self.places.is_empty() {
            (self.all.as_slice(), None)
        } else {
            (&[][..], self.places.get(name.comparison_key()))
        };
        let few = few.iter().filter(|one| one.name().matches(name));
        let many = many.into_iter().flatten();
        few.chain(many.filter_map(|i| self.all.get(*i)))
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            places: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NameBuilder;
    use super::*;

    #[derive(Clone, Debug)]
    struct Numbered(usize, Name);

    impl HasName for Numbered {
        fn name(&self) -> &Name {
            &self.1
        }
    }

    #[test]
    fn few_and_many_are_found_alike() {
        let name = |n: usize| {
            let text = format!("CN=n{}", n % 5);
            NameBuilder::parse(&text).unwrap().build().unwrap()
        };
        let mut named = Named::default();
        for n in 0..4 * FEW {
            named.add(Numbered(n, name(n)));
            for wanted in 0..5 {
                let found: Vec<usize> = named.named(&name(wanted)).map(|one| one.0).collect();
                let expected: Vec<usize> = (0..=n).filter(|i| i % 5 == wanted).collect();
                assert_eq!(found, expected);
            }
        }
    }
}
