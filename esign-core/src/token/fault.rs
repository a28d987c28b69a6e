use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

use crate::keys::{KeyError, KeyErrorKind};

/// What went wrong while a token was worked with: the module's code, or a verdict of ours.
pub(super) enum Fault {
    Module(Error),
    Ours(KeyError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::Ours(error)
    }
}

impl Fault {
    /// Whether to make everything anew and try again: after a loss, and where the module says no more than
    /// that it failed (SoftHSM does where a logout meets a signature). To try that again does no harm.
    pub(super) fn is_loss(&self) -> bool {
        use RvError::{FunctionFailed, GeneralError};
        self.is_gone()
            || matches!(
                self,
                Self::Module(Error::Pkcs11(FunctionFailed | GeneralError, _))
            )
    }

    /// Whether session, login or handle are gone: the token was pulled out, somebody logged out, the
    /// module was started again.
    pub(super) fn is_gone(&self) -> bool {
        use RvError as R;
        matches!(
            self,
            Self::Module(Error::Pkcs11(
                R::CryptokiNotInitialized
                    | R::DeviceError
                    | R::DeviceRemoved
                    | R::KeyHandleInvalid
                    | R::ObjectHandleInvalid
                    | R::SessionClosed
                    | R::SessionHandleInvalid
                    | R::SlotIdInvalid
                    | R::TokenNotPresent
                    | R::TokenNotRecognized
                    | R::UserNotLoggedIn,
                _
            ))
        )
    }

    /// The error for people; `object` is the token or the module.
    pub(super) fn about(self, object: &str) -> KeyError {
        match self {
            Self::Ours(error) => error,
            Self::Module(error) => {
                let (kind, what) = describe(&error);
                KeyError::new(kind, format!("{object}: {what}"))
            }
        }
    }
}

/// The family and the words for a module's error. The crate's own texts are the paragraphs of the
/// specification; what is shown is the code, which a manual can be searched for, and what it comes to.
fn describe(error: &Error) -> (KeyErrorKind, String) {
    use KeyErrorKind as K;
    use RvError as R;
    let (kind, what) = match error {
        Error::Pkcs11(code, function) => {
            let (kind, words) = match code {
                R::PinIncorrect | R::PinInvalid => (K::PassphraseWrong, "the PIN is wrong"),
                R::PinLenRange => (K::PassphraseWrong, "the PIN is too short or too long"),
                R::PinExpired => (
                    K::PassphraseWrong,
                    "the PIN has expired and must be changed",
                ),
                R::PinLocked => (K::PassphraseLocked, "the PIN is locked"),
                R::UserPinNotInitialized => (K::Refused, "the token has no user PIN yet"),
                R::UserNotLoggedIn => (K::Refused, "nobody is logged in"),
                R::UserAnotherAlreadyLoggedIn => (
                    K::Refused,
                    "another user is logged in, such as the security officer",
                ),
                R::DeviceRemoved | R::TokenNotPresent => (K::Refused, "the token is not there"),
                R::TokenNotRecognized => (K::Refused, "the token is not one that the module knows"),
                R::DeviceError => (K::Refused, "the device failed"),
                R::DeviceMemory => (K::Refused, "the device is out of memory"),
                R::SessionCount => (K::Refused, "the token has no session left"),
                R::MechanismInvalid | R::MechanismParamInvalid => {
                    (K::Algorithm, "the token does not sign in that way")
                }
                R::KeyFunctionNotPermitted => (K::Refused, "the key is not for signing"),
                R::CantLock => (K::Refused, "the module cannot be used by several threads"),
                R::FunctionCanceled | R::Cancel => (K::Refused, "it was cancelled"),
                _ => (K::Refused, "the module failed"),
            };
            (
                kind,
                format!("{words} ({}: {})", called(*function), code_name(code)),
            )
        }
        Error::LibraryLoading(e) => (K::Missing, format!("cannot be loaded: {e}")),
        Error::MissingSymbol(symbol) => (
            K::Malformed,
            format!("is no PKCS #11 module: it has no {symbol}"),
        ),
        Error::NullFunctionPointer | Error::NotSupported => (
            K::Refused,
            "the module lacks a function that is needed".to_owned(),
        ),
        _ => (
            K::Refused,
            "the module answered with a value that PKCS #11 does not have".to_owned(),
        ),
    };
    (kind, what)
}

/// As the specification spells it: `C_Login`.
fn called(function: Function) -> String {
    format!("C_{function:?}")
}

/// As the specification spells it: `CKR_PIN_INCORRECT`.
fn code_name(code: &RvError) -> String {
    if let RvError::VendorDefined(number) | RvError::UnknownErrorCode(number) = code {
        return format!("{number:#010x}");
    }
    let mut name = "CKR".to_owned();
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_what_they_come_to() {
        let fault = |code| Fault::Module(Error::Pkcs11(code, Function::Login));
        for (code, kind, loss) in [
            (RvError::PinIncorrect, KeyErrorKind::PassphraseWrong, false),
            (RvError::PinLocked, KeyErrorKind::PassphraseLocked, false),
            (RvError::SessionHandleInvalid, KeyErrorKind::Refused, true),
            (RvError::DeviceRemoved, KeyErrorKind::Refused, true),
            (RvError::UserNotLoggedIn, KeyErrorKind::Refused, true),
            (RvError::CryptokiNotInitialized, KeyErrorKind::Refused, true),
            (RvError::GeneralError, KeyErrorKind::Refused, true),
            (RvError::MechanismInvalid, KeyErrorKind::Algorithm, false),
            (
                RvError::VendorDefined(0x8000_0001),
                KeyErrorKind::Refused,
                false,
            ),
        ] {
            assert_eq!(fault(code).is_loss(), loss, "{code:?}");
            let error = fault(code).about("token \"a\"");
            assert_eq!(error.kind(), kind, "{code:?}");
            let text = error.to_string();
            assert!(text.starts_with("token \"a\": "), "{text}");
            assert!(text.contains("(C_Login: "), "{text}");
        }
        let names = [
            (RvError::PinIncorrect, "CKR_PIN_INCORRECT"),
            (
                RvError::CryptokiNotInitialized,
                "CKR_CRYPTOKI_NOT_INITIALIZED",
            ),
            (RvError::VendorDefined(0x8000_0001), "0x80000001"),
        ];
        for (code, name) in names {
            assert_eq!(code_name(&code), name);
        }
    }
}
