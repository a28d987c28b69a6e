use std::collections::BTreeMap;
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use crate::keys::{KeyError, KeyErrorKind};

use super::fault::Fault;
use super::{TokenIdentity, TokenUri};

/// The module that stands for all others which p11-kit knows on a machine; used where neither the URI
/// nor the caller names one.
const PROXY: &str = "p11-kit-proxy";

/// Where modules are looked for, and which one is used where a URI names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSearch {
    /// The module for URIs that name none (from a setting or the environment).
    pub module: Option<PathBuf>,
    /// The directories in which a `module-name` is looked for, in this order.
    pub directories: Vec<PathBuf>,
}

impl Default for ModuleSearch {
    /// No module, and the directories in which distributions and vendors install theirs.
    fn default() -> Self {
        let mut directories = Vec::new();
        if cfg!(windows) {
            directories.push(PathBuf::from(r"C:\Windows\System32"));
        } else if cfg!(target_os = "macos") {
            for directory in [
                "/Library/OpenSC/lib",
                "/opt/homebrew/lib",
                "/opt/homebrew/lib/softhsm",
                "/usr/local/lib",
                "/usr/local/lib/softhsm",
            ] {
                directories.push(PathBuf::from(directory));
            }
        } else {
            let multiarch = format!("/usr/lib/{ARCH}-linux-gnu");
            for root in ["/usr/local/lib", &multiarch, "/usr/lib64", "/usr/lib"] {
                let root = Path::new(root);
                directories.extend([root.join("pkcs11"), root.join("softhsm"), root.to_owned()]);
            }
        }
        Self {
            module: None,
            directories,
        }
    }
}

impl ModuleSearch {
    /// The file of the module that `uri` means.
    ///
    /// # Errors
    /// [`KeyErrorKind::Missing`] where there is none: the message names every place that was looked at
    /// or, for a `module-path`, that one.
    pub fn find(&self, uri: &TokenUri) -> Result<PathBuf, KeyError> {
        let missing = |what: String| KeyError::new(KeyErrorKind::Missing, what);
        match (uri.module_path(), uri.module_name()) {
            (Some(path), None) if path.is_file() => Ok(path.to_owned()),
            (Some(path), Some(name)) if path.is_dir() => {
                named(name, &[path.to_owned()]).ok_or_else(|| {
                    let path = path.display();
                    missing(format!("PKCS #11 module \"{name}\" is not in {path}"))
                })
            }
            // A module's path, with its name beside it for other readers.
            (Some(path), Some(_)) if path.is_file() => Ok(path.to_owned()),
            (Some(path), None) if path.is_dir() => Err(missing(format!(
                "module-path {} is a directory; module-name says which module in it",
                path.display()
            ))),
            (Some(path), _) => {
                let path = path.display();
                Err(missing(format!("PKCS #11 module {path}: there is no such file")))
            }
            (None, Some(name)) => named(name, &self.directories).ok_or_else(|| {
                missing(format!(
                    "PKCS #11 module \"{name}\" is in none of: {}",
                    self.places()
                ))
            }),
            (None, None) => match &self.module {
                Some(module) if module.is_file() => Ok(module.clone()),
                Some(module) => {
                    let path = module.display();
                    Err(missing(format!("PKCS #11 module {path}: there is no such file")))
                }
                None => named(PROXY, &self.directories).ok_or_else(|| {
                    missing(format!(
                        "no PKCS #11 module is named (module-path, module-name), and {PROXY}, which \
                         would know them all, is in none of: {}",
                        self.places()
                    ))
                }),
            },
        }
    }

    fn places(&self) -> String {
        let places: Vec<_> = self
            .directories
            .iter()
            .map(|directory| directory.display().to_string())
            .collect();
        places.join(", ")
    }
}

/// `name` as a file: as it stands, with the platform's ending, with its prefix too (RFC 7512 2.4).
fn named(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let names = [
        name.to_owned(),
        format!("{name}{DLL_SUFFIX}"),
        format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"),
    ];
    directories
        .iter()
        .flat_map(|directory| names.iter().map(|name| directory.join(name)))
        .find(|path| path.is_file())
}

/// A module that is loaded and started.
pub(super) struct Module {
    functions: Pkcs11,
    path: PathBuf,
    /// Held for reading during every call, for writing while the module is started anew: what
    /// `C_Finalize` does to other threads' calls is undefined (2.40 base 5.4).
    gate: RwLock<()>,
    /// The tokens of this module that are in use and not known to be lost, one entry a use.
    working: Mutex<Vec<TokenIdentity>>,
}

/// The modules that are loaded, by path. PKCS #11's own state is the process's: it is started once
/// (`C_Initialize`), and its logins hold for the whole process (2.40 base 2.6). A module is never
/// unloaded: vendors' libraries have threads and exit handlers of their own.
static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

impl Module {
    /// The module at `path`, loaded and started.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, KeyError> {
        let object = format!("PKCS #11 module {}", path.display());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let module = match loaded.get(path) {
            Some(module) => module.clone(),
            None => Arc::new(Self {
                functions: Pkcs11::new(path).map_err(|e| Fault::from(e).about(&object))?,
                path: path.to_owned(),
                gate: RwLock::new(()),
                working: Mutex::new(Vec::new()),
            }),
        };
        // Another part of the process may have stopped it since it was loaded.
        module.start().map_err(|e| Fault::from(e).about(&object))?;
        loaded.insert(path.to_owned(), module.clone());
        Ok(module)
    }

    /// Its functions; to be called between [`Self::enter`] and the end of what that gives.
    pub(super) fn functions(&self) -> &Pkcs11 {
        &self.functions
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the module from being started anew.
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the module, or finds it started.
    pub(super) fn start(&self) -> Result<(), Error> {
        let flags = CInitializeFlags::OS_LOCKING_OK;
        match self.functions.initialize(CInitializeArgs::new(flags)) {
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            other => other,
        }
    }

    /// Stops and starts the module for the sake of `token`, which it no longer sees: some see a device
    /// that has come back only then. Not while another token of it is in use; whether it was done.
    pub(super) fn restart(&self, token: &TokenIdentity) -> Result<bool, Error> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if self.working().iter().any(|other| other != token) {
            return Ok(false);
        }
        match self.functions.clone().finalize() {
            Err(Error::Pkcs11(RvError::CryptokiNotInitialized, _)) => {}
            other => other?,
        }
        self.start().map(|()| true)
    }

    /// Notes that `token` is in use and in order.
    pub(super) fn add_working(&self, token: &TokenIdentity) {
        self.working().push(token.clone());
    }

    /// Takes one such note back.
    pub(super) fn remove_working(&self, token: &TokenIdentity) {
        let mut working = self.working();
        if let Some(at) = working.iter().position(|other| other == token) {
            working.swap_remove(at);
        }
    }

    fn working(&self) -> MutexGuard<'_, Vec<TokenIdentity>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(search: &ModuleSearch, uri: &str) -> Result<PathBuf, String> {
        let uri = TokenUri::parse(uri).unwrap();
        search.find(&uri).map_err(|e| {
            assert_eq!(e.kind(), KeyErrorKind::Missing);
            e.to_string()
        })
    }

    #[test]
    fn a_module_is_found_by_path_by_name_and_by_default() {
        let dir = std::env::temp_dir().join(format!("esign-modules-{}", std::process::id()));
        let (first, second) = (dir.join("first"), dir.join("second"));
        for directory in [&first, &second] {
            std::fs::create_dir_all(directory).unwrap();
        }
        let lib = second.join(format!("{DLL_PREFIX}card{DLL_SUFFIX}"));
        let plain = second.join(format!("plain{DLL_SUFFIX}"));
        for file in [&lib, &plain] {
            std::fs::write(file, b"").unwrap();
        }
        let mut search = ModuleSearch {
            module: None,
            directories: vec![first.clone(), second.clone()],
        };
        let uri = |path: &Path| format!("pkcs11:?module-path={}", path.display());

        assert_eq!(find(&search, &uri(&lib)), Ok(lib.clone()));
        assert_eq!(find(&search, "pkcs11:?module-name=card"), Ok(lib.clone()));
        assert_eq!(
            find(&search, "pkcs11:?module-name=plain"),
            Ok(plain.clone())
        );
        let with_ending = format!("pkcs11:?module-name=plain{DLL_SUFFIX}");
        assert_eq!(find(&search, &with_ending), Ok(plain.clone()));
        let both = format!("{}&module-name=card", uri(&second));
        assert_eq!(find(&search, &both), Ok(lib.clone()));

        let error = find(&search, &uri(&second)).unwrap_err();
        assert!(error.contains("is a directory"), "{error}");
        let error = find(&search, "pkcs11:?module-name=other").unwrap_err();
        assert!(error.contains(&first.display().to_string()), "{error}");
        assert!(error.contains(&second.display().to_string()), "{error}");
        let error = find(&search, "pkcs11:").unwrap_err();
        assert!(error.contains("p11-kit-proxy"), "{error}");

        let proxy = first.join(format!("{PROXY}{DLL_SUFFIX}"));
        std::fs::write(&proxy, b"").unwrap();
        assert_eq!(find(&search, "pkcs11:"), Ok(proxy));
        search.module = Some(plain.clone());
        assert_eq!(find(&search, "pkcs11:"), Ok(plain));
        assert_eq!(find(&search, "pkcs11:?module-name=card"), Ok(lib));
        search.module = Some(dir.join("none.so"));
        assert!(find(&search, "pkcs11:").unwrap_err().contains("none.so"));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let file = std::env::temp_dir().join(format!("esign-no-module-{}.so", std::process::id()));
        std::fs::write(&file, b"text").unwrap();
        let error = Module::load(&file).err().unwrap();
        assert_eq!(error.kind(), KeyErrorKind::Missing);
        assert!(error.to_string().contains("cannot be loaded"), "{error}");
        std::fs::remove_file(&file).unwrap();
    }
}
