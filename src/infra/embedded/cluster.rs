use std::{fs, fs::File};

use super::{
    EmbeddedError,
    binaries::{self, Binaries},
    home::{Home, at, private_dir},
    server::SUPERUSER,
    user,
};

/// The binaries of the version that wrote the files, or the first ones that were found.
pub(super) fn choose_binaries(home: &Home) -> Result<Binaries, EmbeddedError> {
    let mut found = binaries::find().into_iter();
    match home.version() {
        None => found.next().ok_or(EmbeddedError::NoBinaries),
        Some(version) => {
            let missing = EmbeddedError::NoSuchVersion { home: home.dir.clone(), found: version };
            found.find(|binaries| binaries.version == version).ok_or(missing)
        }
    }
}

/// Creates the files of a cluster.
pub(super) fn create(home: &Home, binaries: &Binaries, lock: &File) -> Result<(), EmbeddedError> {
    let initdb = binaries.dir.join("initdb");
    let mut command = user::command(&initdb, home.user);
    // It has another name until it is complete: after a crash, the next start creates it again.
    let unfinished = home.unfinished_cluster();
    if unfinished.exists() {
        at(&unfinished, fs::remove_dir_all(&unfinished))?;
    }
    private_dir(&unfinished, home.user)?;
    command.arg("-D").arg(&unfinished).args(["-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--data-checksums"]);
    // Only the user of the database can open the directory of the socket, and there is no other way in.
    command.args(["--auth-local=trust", "--auth-host=reject"]);
    // initdb outlives a service that ends now. It holds the lock, so the next service waits for its end.
    command.stdin(at(&home.dir, lock.try_clone())?);
    let output = at(&initdb, command.output())?;
    if !output.status.success() {
        return Err(EmbeddedError::InitDb(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    at(&home.cluster, fs::rename(&unfinished, &home.cluster))
}
