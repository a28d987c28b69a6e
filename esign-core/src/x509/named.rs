use std::collections::HashMap;
use std::sync::Arc;

use super::Name;

/// Up to so many, looking at each key is cheaper than hashing one.
pub(crate) const FEW: usize = 8;

/// Things in the order in which they were added, found by name as RFC 5280 7.1 compares names.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    all: Vec<T>,
    keys: Vec<Arc<[u8]>>,
    /// Where each name is in `all`, as soon as there are more than a few.
    places: HashMap<Arc<[u8]>, Vec<usize>>,
}

impl<T> Named<T> {
    /// Adds `one` under the key of its name.
    pub(crate) fn add(&mut self, key: Arc<[u8]>, one: T) {
        let at = self.all.len();
        self.keys.push(Arc::clone(&key));
        self.all.push(one);
        if at == FEW {
            for (i, key) in self.keys.iter().enumerate() {
                self.places.entry(Arc::clone(key)).or_default().push(i);
            }
        } else if at > FEW {
            self.places.entry(key).or_default().push(at);
        }
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }

    /// Those whose name matches.
    pub(crate) fn named(&self, name: &Name) -> impl Iterator<Item = &T> {
        let key = name.comparison_key();
        let few = if self.places.is_empty() {
            self.keys.as_slice()
        } else {
            &[]
        };
        let few = few.iter().zip(&self.all);
        let few = few.filter(move |(k, _)| ***k == *key).map(|(_, one)| one);
        let many = self.places.get(key).into_iter().flatten();
        few.chain(many.filter_map(|i| self.all.get(*i)))
    }
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            keys: Vec::new(),
            places: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NameBuilder;
    use super::*;

    #[test]
    fn few_and_many_are_found_alike() {
        let name = |n: usize| {
            let text = format!("CN=n{}", n % 5);
            NameBuilder::parse(&text).unwrap().build().unwrap()
        };
        let mut named = Named::default();
        for n in 0..4 * FEW {
            named.add(name(n).shared_key(), n);
            for wanted in 0..5 {
                let found: Vec<usize> = named.named(&name(wanted)).copied().collect();
                let expected: Vec<usize> = (0..=n).filter(|i| i % 5 == wanted).collect();
                assert_eq!(found, expected);
            }
        }
    }
}
