//! Tokens of SoftHSM in a folder of their own, filled by programs that are not ours.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// PIN of every token made here.
pub const PIN: &str = "pin-4711";
/// PIN of its security officer.
pub const SO_PIN: &str = "so-pin-0815";

/// Where distributions put the module.
const MODULES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// `CKA_OS_TOKENFLAGS` of SoftHSM, in its own range of attributes.
const TOKEN_FLAGS: u64 = 0x8000_534b;
/// `CKF_USER_PIN_FINAL_TRY`.
pub const FINAL_TRY: u64 = 0x2_0000;
/// `CKF_USER_PIN_LOCKED`.
pub const LOCKED: u64 = 0x4_0000;

/// A folder with tokens and the configuration that names it; removed on drop.
#[derive(Debug)]
pub struct SoftHsm {
    dir: PathBuf,
    module: PathBuf,
}

impl SoftHsm {
    /// An empty one; `None`, and a line that says so, where SoftHSM or `pkcs11-tool` is not installed.
    ///
    /// # Errors
    /// The folder cannot be made; or the programs are missing while `ESIGN_SOFTHSM=require` is set.
    pub fn new() -> io::Result<Option<Self>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let module = MODULES
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file());
        let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        let (Some(module), true, true) = (module, there("softhsm2-util"), there("pkcs11-tool"))
        else {
            let what = "softhsm2 or opensc is not installed: tokens have NOT been tested";
            if std::env::var_os("ESIGN_SOFTHSM").is_some_and(|value| value == "require") {
                return Err(io::Error::other(what));
            }
            // Not `eprintln!`, which the test harness keeps to itself where tests pass. Once is enough.
            static TOLD: Once = Once::new();
            TOLD.call_once(|| {
                let _ = writeln!(io::stderr(), "{what}");
            });
            return Ok(None);
        };
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("esign-softhsm-{}-{n}", std::process::id()));
        std::fs::create_dir_all(dir.join("tokens"))?;
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            dir.join("tokens").display()
        );
        std::fs::write(dir.join("softhsm2.conf"), conf)?;
        Ok(Some(Self { dir, module }))
    }

    /// The module.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The folder: `tokens` in it has one folder a token, the rest is the test's.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file that `SOFTHSM2_CONF` must name in every process that is to see the tokens.
    pub fn conf(&self) -> PathBuf {
        self.dir.join("softhsm2.conf")
    }

    /// A URI of this module with what is put before and after the `?`.
    pub fn uri(&self, path: &str, query: &str) -> String {
        let module = self.module.display();
        format!("pkcs11:{path}?module-path={module}{query}")
    }

    /// A new token.
    ///
    /// # Errors
    /// The program's.
    pub fn token(&self, label: &str) -> io::Result<()> {
        let args = [
            "--init-token",
            "--free",
            "--label",
            label,
            "--pin",
            PIN,
            "--so-pin",
            SO_PIN,
        ];
        self.run("softhsm2-util", &args)
    }

    /// Brings a key, PKCS #8 in PEM, onto a token, with its public half or without.
    ///
    /// # Errors
    /// The program's.
    pub fn import(
        &self,
        token: &str,
        pem: &str,
        label: &str,
        id: &str,
        with_public: bool,
    ) -> io::Result<()> {
        let file = self.dir.join(format!("{token}-{id}.pem"));
        std::fs::write(&file, pem)?;
        let file = file.display().to_string();
        let mut args = vec![
            "--import", &file, "--token", token, "--label", label, "--id", id,
        ];
        args.extend(["--pin", PIN, "--force"]);
        if !with_public {
            args.push("--no-public-key");
        }
        self.run("softhsm2-util", &args)?;
        std::fs::remove_file(&file)
    }

    /// Makes a key on a token; `kind` is as `pkcs11-tool --key-type` has it.
    ///
    /// # Errors
    /// The program's.
    pub fn generate(
        &self,
        token: &str,
        kind: &str,
        label: &str,
        id: &str,
        more: &[&str],
    ) -> io::Result<()> {
        let mut args = vec![
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            label,
            "--id",
            id,
        ];
        args.extend(more);
        self.tool(token, &args)
    }

    /// Lays a certificate, in DER, onto a token.
    ///
    /// # Errors
    /// The program's.
    pub fn certificate(&self, token: &str, der: &[u8], label: &str, id: &str) -> io::Result<()> {
        let file = self.dir.join(format!("{token}-{id}.der"));
        std::fs::write(&file, der)?;
        let path = file.display().to_string();
        let args = [
            "--write-object",
            &path,
            "--type",
            "cert",
            "--label",
            label,
            "--id",
            id,
        ];
        self.tool(token, &args)?;
        std::fs::remove_file(&file)
    }

    /// `pkcs11-tool`, logged in at a token.
    ///
    /// # Errors
    /// The program's.
    pub fn tool(&self, token: &str, args: &[&str]) -> io::Result<()> {
        let module = self.module.display().to_string();
        let mut all = vec![
            "--module",
            &module,
            "--token-label",
            token,
            "--login",
            "--pin",
            PIN,
        ];
        all.extend(args);
        self.run("pkcs11-tool", &all)
    }

    /// Writes into the one token that there is what a card would say of its PIN after wrong ones:
    /// SoftHSM itself counts none. Processes that have it open already do not see it.
    ///
    /// # Errors
    /// The token's file cannot be read or written, or is not as it was.
    pub fn set_flags(&self, flags: u64) -> io::Result<()> {
        for token in std::fs::read_dir(self.dir.join("tokens"))? {
            let file = token?.path().join("token.object");
            let mut octets = std::fs::read(&file)?;
            // Attribute, kind (2: a number), value; each of eight octets.
            let before = [TOKEN_FLAGS.to_be_bytes(), 2u64.to_be_bytes()].concat();
            let found = octets.windows(16).position(|w| w == before);
            let value = found
                .and_then(|at| octets.get_mut(at + 16..at + 24))
                .ok_or_else(|| io::Error::other("token.object has no flags"))?;
            let mut old = [0; 8];
            old.copy_from_slice(value);
            let new = u64::from_be_bytes(old) & !(FINAL_TRY | LOCKED) | flags;
            value.copy_from_slice(&new.to_be_bytes());
            std::fs::write(&file, octets)?;
        }
        Ok(())
    }

    fn run(&self, program: &str, args: &[impl AsRef<OsStr>]) -> io::Result<()> {
        let output = Command::new(program)
            .args(args)
            .env("SOFTHSM2_CONF", self.conf())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{program}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

impl Drop for SoftHsm {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
