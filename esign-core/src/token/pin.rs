use std::path::Path;

use cryptoki::types::AuthPin;

use crate::keys::{KeyError, Passphrase};

use super::TokenIdentity;

/// How near a token is to locking its PIN, as it says itself. Not every token says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PinTries {
    /// No wrong PIN since the last right one.
    Full,
    /// At least one wrong PIN since then (`CKF_USER_PIN_COUNT_LOW`).
    Low,
    /// One more wrong PIN locks it (`CKF_USER_PIN_FINAL_TRY`).
    Last,
    /// It takes no PIN any more (`CKF_USER_PIN_LOCKED`).
    Locked,
}

/// What is to be known by whoever gives a PIN.
pub struct PinRequest<'a> {
    /// The token that asks for it.
    pub token: &'a TokenIdentity,
    /// How near it is to locking.
    pub tries: PinTries,
    /// The file that the URI names for it (`pin-source`); its first line is the PIN.
    pub source: Option<&'a Path>,
}

/// A PIN, and how far it may go. It is wiped on drop.
pub struct Pin {
    passphrase: Passphrase,
    last_try: bool,
}

/// Gives the PIN of a token, or `None` where there is none to give. Called once for a key, and not at
/// all where the URI has a PIN, the token needs none, or the reader has a keypad of its own.
pub type AskPin<'a> = &'a dyn Fn(&PinRequest<'_>) -> Result<Option<Pin>, KeyError>;

impl Pin {
    /// A PIN that is not sent where one more wrong one would lock the token.
    pub fn new(passphrase: Passphrase) -> Self {
        Self {
            passphrase,
            last_try: false,
        }
    }

    /// The same PIN, to be sent even as the last try: for someone who was told so and typed it.
    #[must_use]
    pub fn even_as_last_try(mut self) -> Self {
        self.last_try = true;
        self
    }

    /// After the right PIN the count begins anew; a later login is nobody's choice.
    pub(super) fn spend_last_try(&mut self) {
        self.last_try = false;
    }

    pub(super) fn goes_last(&self) -> bool {
        self.last_try
    }

    /// For the module. The copy is wiped on drop, too.
    pub(super) fn for_module(&self) -> AuthPin {
        // Of exactly this size: `Box<str>` moves without leaving a copy.
        AuthPin::new(self.passphrase.text().into())
    }
}
