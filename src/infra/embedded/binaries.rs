use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A directory with the programs `initdb` and `postgres` of one version.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    /// PostgreSQL's major version, e.g. 15.
    pub(super) version: u32,
}

/// Everything that this machine has: first the directories of `PATH`, then the newest version first.
pub(super) fn find() -> Vec<Binaries> {
    let mut installed: Vec<Binaries> = installed_dirs().iter().filter_map(|dir| Binaries::at(dir)).collect();
    installed.sort_by_key(|binaries| std::cmp::Reverse(binaries.version));
    let path = env::var_os("PATH").unwrap_or_default();
    let named = env::split_paths(&path).chain(pg_config_dir());
    named.filter_map(|dir| Binaries::at(&dir)).chain(installed).collect()
}

impl Binaries {
    fn at(dir: &Path) -> Option<Self> {
        if !dir.join("initdb").exists() || !dir.join("postgres").exists() {
            return None;
        }
        // Resolves links: PostgreSQL finds its other files relative to its own real path.
        let dir = fs::canonicalize(dir.join("postgres")).ok()?.parent()?.to_owned();
        // "postgres (PostgreSQL) 15.18 (Debian …)"
        let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let major: String = number.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { dir, version: major.parse().ok()? })
    }
}

fn pg_config_dir() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end()))
}

/// Where Debian and Homebrew install PostgreSQL outside of `PATH`.
fn installed_dirs() -> Vec<PathBuf> {
    let parents = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];
    let entries = parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
    entries.map(|entry| entry.path().join("bin")).collect()
}
