//! One file a command: its flags, its job, its answer.

pub(crate) mod secrets;
pub(crate) mod sign;
pub(crate) mod trust;
pub(crate) mod verify;
