//! Vectors of our own formats, files of other producers and signers, and test PKIs and tokens; development only.

pub mod fixtures;
pub mod softhsm;
