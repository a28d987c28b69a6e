use std::collections::HashMap;
use std::sync::Arc;

use super::Name;

/// Things in the order in which they were added, looked up by a distinguished name, found by name as RFC 5280 7.1 compares names.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    all: Vec<T>,
    places: HashMap<Arc<[u8]>, Vec<usize>>,
}

impl<T> Named<T> {
    pub(crate) fn add(&mut self, name: &Name, one: T) {
        let places = self.places.entry(name.shared_key()).or_default();
        places.push(self.all.len());
        self.all.push(one);
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }

    /// Those whose name matches.
    pub(crate) fn named(&self, name: &Name) -> impl Iterator<Item = &T> {
        self.places
            .get(name.comparison_key())
            .into_iter()
            .flatten()
            .filter_map(|i| self.all.get(*i))
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
