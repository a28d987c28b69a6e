use core::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};

use crate::keys::{KeyError, KeyErrorKind};

use super::fault::Fault;
use super::identity::{Found, matching};
use super::module::Module;
use super::{AskPin, ModuleSearch, Pin, PinRequest, PinTries, TokenIdentity, TokenUri};

/// Sessions that one opened token keeps at most: as many signatures are under way at once, more wait.
/// Cards have one processor; HSMs are saturated by a handful of sessions from one client.
pub const MAX_SESSIONS: usize = 8;

/// How often one piece of work is begun anew after a loss. A loss seen by several threads can close
/// a session that another one has just opened.
const ATTEMPTS: usize = 3;

/// One token in a slot of a module, with its sessions and its login.
///
/// Threads share it. A token that was pulled out and put in again, or a module that was started again,
/// is noticed at the next use: sessions and login are made anew, by the same PIN, on a token of the
/// same identity alone. A PIN that the token has refused is not sent a second time.
pub struct Token {
    module: Arc<Module>,
    identity: TokenIdentity,
    login: Mutex<Login>,
    pool: Mutex<Pool>,
    /// Woken when a session comes back or is lost.
    returned: Condvar,
    /// Held by the one thread that makes sessions and login anew.
    mending: Mutex<()>,
}

enum Login {
    /// Nobody asked for a PIN yet, or the token needs none.
    No,
    /// The reader has its own keypad (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    Keypad,
    Pin(Pin),
    /// The token refused the PIN; it is wiped.
    Refused,
}

struct Pool {
    slot: Slot,
    idle: Vec<Session>,
    /// Sessions of this generation, idle and at work.
    open: usize,
    /// Counts how often all was made anew; handles of objects hold within one.
    generation: u64,
    lost: bool,
    /// Whether the module has a note that this token is in order.
    noted: bool,
}

impl Token {
    /// Finds the one token that `uri` means. Nobody is logged in and no session is opened.
    ///
    /// # Errors
    /// [`KeyErrorKind::Missing`] where no module or token is found (the tokens that there are, are
    /// named), [`KeyErrorKind::Ambiguous`] where several tokens match (all are named),
    /// [`KeyErrorKind::Refused`] where the module fails.
    pub fn open(uri: &TokenUri, search: &ModuleSearch) -> Result<Arc<Self>, KeyError> {
        let (module, found) = Self::search(uri, search)?;
        let object = format!("PKCS #11 module {}", module.path().display());
        let mut matches = found.matches;
        if matches.len() > 1 {
            let all: Vec<_> = matches.iter().map(|(_, token)| token.uri()).collect();
            let what = format!(
                "{object}: {} tokens match {}: {}",
                all.len(),
                uri.wanted,
                all.join("; ")
            );
            return Err(KeyError::new(KeyErrorKind::Ambiguous, what));
        }
        let Some((slot, identity)) = matches.pop() else {
            let others = match found.others.as_slice() {
                [] => "it sees no token".to_owned(),
                others => format!("it sees {}", others.join("; ")),
            };
            let what = format!("{object}: no token matches {}; {others}", uri.wanted);
            return Err(KeyError::new(KeyErrorKind::Missing, what));
        };
        Ok(Arc::new(Self::new(module, slot, identity)))
    }

    /// Finds every token that `uri` means, in the order of the slots; there may be none.
    ///
    /// # Errors
    /// [`KeyErrorKind::Missing`] where there is no module, [`KeyErrorKind::Refused`] where it fails.
    pub fn all(uri: &TokenUri, search: &ModuleSearch) -> Result<Vec<Arc<Self>>, KeyError> {
        let (module, found) = Self::search(uri, search)?;
        let token = |(slot, identity)| Arc::new(Self::new(module.clone(), slot, identity));
        Ok(found.matches.into_iter().map(token).collect())
    }

    fn search(uri: &TokenUri, search: &ModuleSearch) -> Result<(Arc<Module>, Found), KeyError> {
        let module = Module::load(&search.find(uri)?)?;
        let found = {
            let _gate = module.enter();
            matching(module.functions(), &uri.wanted).map_err(|fault| {
                fault.about(&format!("PKCS #11 module {}", module.path().display()))
            })?
        };
        Ok((module, found))
    }

    fn new(module: Arc<Module>, slot: Slot, identity: TokenIdentity) -> Self {
        Self {
            module,
            identity,
            login: Mutex::new(Login::No),
            pool: Mutex::new(Pool {
                slot,
                idle: Vec::new(),
                open: 0,
                generation: 0,
                lost: false,
                noted: false,
            }),
            returned: Condvar::new(),
            mending: Mutex::new(()),
        }
    }

    /// Who the token says it is.
    pub fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    /// How near the PIN is to being locked, now.
    ///
    /// # Errors
    /// [`KeyErrorKind::Refused`] where the token is not there.
    pub fn pin_tries(&self) -> Result<PinTries, KeyError> {
        Ok(tries(&self.info()?))
    }

    /// Logs in, if the token asks for it: by the PIN of the URI, else at the reader's keypad, else by the
    /// PIN that `ask` gives.
    ///
    /// # Errors
    /// [`KeyErrorKind::PassphraseMissing`] where there is no PIN, [`KeyErrorKind::PassphraseWrong`]
    /// where the token refuses it, [`KeyErrorKind::PassphraseLocked`] where it takes none any more, or one
    /// more wrong one would lock it and the PIN was not given for that ([`Pin::even_as_last_try`]).
    pub fn log_in(&self, uri: &TokenUri, ask: AskPin<'_>) -> Result<(), KeyError> {
        let info = self.info()?;
        if info.login_required() {
            let tries = tries(&info);
            if tries == PinTries::Locked {
                return Err(self.locked());
            }
            let login = if let Some(pin) = uri.pin_value() {
                Login::Pin(Pin::new(pin.copy()))
            } else if info.protected_authentication_path() {
                Login::Keypad
            } else {
                let request = PinRequest {
                    token: &self.identity,
                    tries,
                    source: uri.pin_source(),
                };
                Login::Pin(ask(&request)?.ok_or_else(|| {
                    let what = format!("{}: it needs a PIN", self.identity);
                    KeyError::new(KeyErrorKind::PassphraseMissing, what)
                })?)
            };
            *lock(&self.login) = login;
        }
        // The first session: it logs in and stays, so that the login does.
        self.run(|_, _| Ok(()))?;
        if let Login::Pin(pin) = &mut *lock(&self.login) {
            pin.spend_last_try();
        }
        let mut pool = lock(&self.pool);
        if !pool.lost && !pool.noted {
            pool.noted = true;
            self.module.add_working(&self.identity);
        }
        Ok(())
    }

    fn info(&self) -> Result<TokenInfo, KeyError> {
        let slot = lock(&self.pool).slot;
        let _gate = self.module.enter();
        let info = self.module.functions().get_token_info(slot);
        info.map_err(|e| self.failed(e.into()))
    }

    /// Runs `work` with a session, a second and a third time after a loss. `work` is given the
    /// generation, too: handles that it found in another one no longer hold.
    pub(super) fn run<T>(
        &self,
        mut work: impl FnMut(&Session, u64) -> Result<T, Fault>,
    ) -> Result<T, KeyError> {
        let mut attempt = 1;
        loop {
            self.mend().map_err(|fault| self.failed(fault))?;
            let _gate = self.module.enter();
            let outcome = match self.lease() {
                // Lost in the meantime, to another thread.
                Ok(None) => continue,
                Ok(Some((session, generation))) => {
                    let outcome = work(&session, generation);
                    match &outcome {
                        Ok(_) => self.give_back(session, generation),
                        // An operation may still be open in it.
                        Err(fault) => {
                            drop(session);
                            self.forget(generation, fault.is_loss());
                        }
                    }
                    outcome
                }
                Err(fault) => Err(fault),
            };
            match outcome {
                Err(fault) if fault.is_loss() && attempt < ATTEMPTS => attempt += 1,
                other => return other.map_err(|fault| self.failed(fault)),
            }
        }
    }

    /// Mechanisms of the slot, for choosing among them.
    pub(super) fn mechanisms(&self) -> Result<Vec<cryptoki::mechanism::MechanismType>, KeyError> {
        let slot = lock(&self.pool).slot;
        let _gate = self.module.enter();
        let mechanisms = self.module.functions().get_mechanism_list(slot);
        mechanisms.map_err(|e| self.failed(e.into()))
    }

    /// Logs in once more for a key that asks for it at each signature (`CKA_ALWAYS_AUTHENTICATE`), after
    /// the operation was begun in `session`.
    pub(super) fn confirm(&self, session: &Session) -> Result<(), Fault> {
        let slot = lock(&self.pool).slot;
        self.send_pin(session, UserType::ContextSpecific, slot)
    }

    /// An error about this token.
    pub(super) fn failed(&self, fault: Fault) -> KeyError {
        fault.about(&self.identity.to_string())
    }

    /// A session, and the generation it is of; `None` where all of them are lost.
    fn lease(&self) -> Result<Option<(Session, u64)>, Fault> {
        let mut pool = lock(&self.pool);
        loop {
            if pool.lost {
                return Ok(None);
            } else if let Some(session) = pool.idle.pop() {
                return Ok(Some((session, pool.generation)));
            } else if pool.open < MAX_SESSIONS {
                let (slot, generation) = (pool.slot, pool.generation);
                pool.open += 1;
                drop(pool);
                match self.session(slot) {
                    Ok(session) => return Ok(Some((session, generation))),
                    Err(fault) => {
                        let full = matches!(
                            fault,
                            Fault::Module(Error::Pkcs11(RvError::SessionCount, _))
                        );
                        self.forget(generation, fault.is_loss());
                        pool = lock(&self.pool);
                        // The token has fewer sessions than this: one of ours will come back.
                        if !full || pool.open == 0 {
                            return Err(fault);
                        }
                        if pool.idle.is_empty() && !pool.lost {
                            pool = self.wait(pool);
                        }
                    }
                }
            } else {
                pool = self.wait(pool);
            }
        }
    }

    fn wait<'a>(&self, pool: MutexGuard<'a, Pool>) -> MutexGuard<'a, Pool> {
        self.returned
            .wait(pool)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, session: Session, generation: u64) {
        let mut pool = lock(&self.pool);
        if pool.generation == generation && !pool.lost {
            pool.idle.push(session);
        } else {
            drop(pool);
            drop(session);
        }
        self.returned.notify_one();
    }

    /// Takes a session that is gone off the count; with `lost`, all of them.
    fn forget(&self, generation: u64, lost: bool) {
        let mut pool = lock(&self.pool);
        if pool.generation == generation {
            pool.open = pool.open.saturating_sub(1);
            pool.lost |= lost;
            if pool.lost && pool.noted {
                pool.noted = false;
                self.module.remove_working(&self.identity);
            }
        }
        drop(pool);
        self.returned.notify_all();
    }

    /// After a loss: makes sessions and login anew, on the same token, wherever it is now.
    fn mend(&self) -> Result<(), Fault> {
        if !lock(&self.pool).lost {
            return Ok(());
        }
        let _only = lock(&self.mending);
        let mut pool = lock(&self.pool);
        if !pool.lost {
            return Ok(());
        }
        // Closed before new ones are opened: a module may give the same handles again.
        let stale = std::mem::take(&mut pool.idle);
        drop(pool);
        {
            let _gate = self.module.enter();
            drop(stale);
            self.module.start()?;
            if self.begin_anew()? {
                return Ok(());
            }
        }
        if self.module.restart(&self.identity)? {
            let _gate = self.module.enter();
            if self.begin_anew()? {
                return Ok(());
            }
        }
        let what = format!("{}: the token is not there", self.identity);
        Err(KeyError::new(KeyErrorKind::Refused, what).into())
    }

    /// Looks for the token and opens the first session; whether it is there.
    fn begin_anew(&self) -> Result<bool, Fault> {
        let found = matching(self.module.functions(), &self.identity.wanted())?;
        let Some((slot, _)) = found.matches.into_iter().next() else {
            return Ok(false);
        };
        let session = self.session(slot)?;
        let mut pool = lock(&self.pool);
        *pool = Pool {
            slot,
            idle: vec![session],
            open: 1,
            generation: pool.generation + 1,
            lost: false,
            noted: true,
        };
        self.module.add_working(&self.identity);
        drop(pool);
        self.returned.notify_all();
        Ok(true)
    }

    /// A new session, logged in.
    fn session(&self, slot: Slot) -> Result<Session, Fault> {
        let session = self.module.functions().open_ro_session(slot)?;
        let wanted = !matches!(*lock(&self.login), Login::No);
        if wanted && session.get_session_info()?.session_state() == SessionState::RoPublic {
            match self.send_pin(&session, UserType::User, slot) {
                // Another thread was first.
                Err(Fault::Module(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _))) => {}
                other => other?,
            }
        }
        Ok(session)
    }

    fn send_pin(&self, session: &Session, user: UserType, slot: Slot) -> Result<(), Fault> {
        // One at a time: two threads with a wrong PIN would cost two tries.
        let mut login = lock(&self.login);
        let info = self.module.functions().get_token_info(slot)?;
        let found = TokenIdentity::of(&info);
        if found != self.identity {
            let what = format!("{}: {found} is in its place", self.identity);
            return Err(KeyError::new(KeyErrorKind::Refused, what).into());
        }
        let tries = tries(&info);
        if tries == PinTries::Locked {
            return Err(self.locked().into());
        }
        let sent = match &*login {
            Login::No => {
                let what = format!("{}: it needs a PIN", self.identity);
                return Err(KeyError::new(KeyErrorKind::PassphraseMissing, what).into());
            }
            Login::Refused => {
                let what = format!(
                    "{}: the token has refused the PIN before; it is not sent again",
                    self.identity
                );
                return Err(KeyError::new(KeyErrorKind::PassphraseWrong, what).into());
            }
            Login::Pin(pin) if tries == PinTries::Last && !pin.goes_last() => {
                let what = format!(
                    "{}: one more wrong PIN would lock it, so the PIN was not sent",
                    self.identity
                );
                return Err(KeyError::new(KeyErrorKind::PassphraseLocked, what).into());
            }
            Login::Pin(pin) => session.login(user, Some(&pin.for_module())),
            Login::Keypad => session.login(user, None),
        };
        use RvError::{PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked};
        match sent {
            Ok(()) => Ok(()),
            Err(Error::Pkcs11(
                code @ (PinExpired | PinIncorrect | PinInvalid | PinLenRange | PinLocked),
                function,
            )) => {
                if matches!(*login, Login::Pin(_)) {
                    *login = Login::Refused;
                }
                Err(self.refusal(code, function, &info, slot).into())
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The error for a PIN that was refused, with what is left.
    fn refusal(
        &self,
        code: RvError,
        function: cryptoki::context::Function,
        info: &TokenInfo,
        slot: Slot,
    ) -> KeyError {
        let left = self
            .module
            .functions()
            .get_token_info(slot)
            .map(|info| tries(&info));
        if matches!(left, Ok(PinTries::Locked)) || code == RvError::PinLocked {
            return self.locked();
        }
        let error = self.failed(Error::Pkcs11(code, function).into());
        let more = match (code, left) {
            (RvError::PinLenRange, _) => format!(
                "; it has {} to {} characters",
                info.min_pin_length(),
                info.max_pin_length()
            ),
            (_, Ok(PinTries::Last)) => "; one more wrong PIN locks it".to_owned(),
            (_, Ok(PinTries::Low)) => "; more wrong PINs will lock it".to_owned(),
            _ => return error,
        };
        KeyError::new(error.kind(), format!("{error}{more}"))
    }

    fn locked(&self) -> KeyError {
        let what = format!(
            "{}: the PIN is locked; whoever issued the token can unlock it",
            self.identity
        );
        KeyError::new(KeyErrorKind::PassphraseLocked, what)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.identity, self.module.path().display())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let _gate = self.module.enter();
        let mut pool = lock(&self.pool);
        pool.idle.clear();
        if pool.noted {
            self.module.remove_working(&self.identity);
        }
    }
}

fn tries(info: &TokenInfo) -> PinTries {
    if info.user_pin_locked() {
        PinTries::Locked
    } else if info.user_pin_final_try() {
        PinTries::Last
    } else if info.user_pin_count_low() {
        PinTries::Low
    } else {
        PinTries::Full
    }
}

/// What a thread that panicked left behind is still whole: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
