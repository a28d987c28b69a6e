//! A PostgreSQL server of a test's own, in a folder that goes with it.
//!
//! Debian's package `postgresql` has all that it takes. Where it is missing, the tests say loudly what
//! was not run; with `ESIGN_POSTGRES=require` they fail.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// The user that Debian's package makes: a server refuses to run as root.
const USER: &str = "postgres";

/// A running server on a free port of this machine.
pub(crate) struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
}

/// Folder of `initdb` and `pg_ctl`, the newest version.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// A command as a user that is not root.
fn unprivileged(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(mut command: Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

impl Cluster {
    /// A server for all tests that run at this moment and leave it running; it goes with the last.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let cluster = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    /// Makes and starts a server; none where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = binaries() else {
            let required = std::env::var_os("ESIGN_POSTGRES").is_some_and(|v| v == "require");
            assert!(
                !required,
                "PostgreSQL (Debian package postgresql) is missing"
            );
            // Not by a macro, whose words are kept back where a test passes.
            let _ = writeln!(
                std::io::stderr(),
                "NOT RUN: what needs a PostgreSQL server; install the package postgresql, \
                 or set ESIGN_POSTGRES=require to have this fail"
            );
            return None;
        };
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("esign-pg-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        if is_root() {
            let mut own = Command::new("chown");
            own.arg(USER).arg(&dir);
            run(own);
        }
        let mut init = unprivileged(&bin.join("initdb"));
        init.arg("-D").arg(dir.join("data")).args([
            "-U",
            "centre",
            "-A",
            "trust",
            "-E",
            "UTF8",
            // Not C, so that what depends on the order of a language would show.
            "--locale=C.UTF-8",
            "--no-instructions",
        ]);
        run(init);
        // A port is free until somebody takes it; a few tries are enough.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .unwrap()
                .port();
            let cluster = Self {
                bin: bin.clone(),
                dir: dir.clone(),
                port,
            };
            if cluster.begin() {
                return Some(cluster);
            }
            std::mem::forget(cluster);
        }
        panic!("no server could be started in {}", dir.display());
    }

    fn control(&self) -> Command {
        let mut command = unprivileged(&self.bin.join("pg_ctl"));
        command
            .arg("-D")
            .arg(self.dir.join("data"))
            .args(["-w", "-t", "60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn begin(&self) -> bool {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {} -k {} -c max_connections=100",
            self.port,
            self.dir.display()
        );
        let mut command = self.control();
        command
            .arg("-l")
            .arg(self.dir.join("log"))
            .args(["-o", &options, "start"]);
        command.status().unwrap().success()
    }

    /// Starts the server again.
    pub(crate) fn resume(&self) {
        assert!(self.begin(), "{}", self.log());
    }

    /// Stops the server: `fast` ends what runs, `immediate` is as good as a loss of power.
    pub(crate) fn halt(&self, mode: &str) {
        let mut command = self.control();
        command.args(["-m", mode, "stop"]);
        assert!(command.status().unwrap().success(), "{}", self.log());
    }

    /// Has the server speak TLS, and plainly with nobody.
    pub(crate) fn secure(&self, certificate: &str, key: &str) {
        let data = self.dir.join("data");
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = data.join(name);
            std::fs::write(&file, text).unwrap();
            let mut mode = Command::new("chmod");
            mode.arg("600").arg(&file);
            run(mode);
            if is_root() {
                let mut own = Command::new("chown");
                own.arg(USER).arg(&file);
                run(own);
            }
        }
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        let hba = "hostssl all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n";
        self.sql("postgres", "ALTER USER centre PASSWORD 'opensesame'");
        std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
        self.halt("fast");
        self.resume();
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Makes an empty database; gives its address.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://centre@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL by psql; gives what it prints, without headings.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let done = self.psql(database, sql);
        assert!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// What psql says of SQL that is refused.
    pub(crate) fn refusal(&self, database: &str, sql: &str) -> String {
        let done = self.psql(database, sql);
        assert!(!done.status.success(), "{sql}");
        String::from_utf8(done.stderr).unwrap()
    }

    /// A session of psql, to be told what to do.
    pub(crate) fn session(&self, database: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-d", &self.url(database)]);
        command
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-d", &self.url(database), "-c", sql])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut command = self.control();
        command.args(["-m", "immediate", "stop"]);
        let _ = command.status();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
