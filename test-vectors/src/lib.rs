//! Vectors of our own formats, files of other producers and signers, and test PKIs; development only.

pub mod fixtures;
