use std::{
    fs::File,
    io,
    path::Path,
    process::{Child, Stdio},
};

use super::{
    EmbeddedError,
    binaries::{self, Binaries},
    home::{Home, at, private_dir},
    user,
};

pub(super) const SUPERUSER: &str = "postgres";
/// Only a part of the socket's name: no TCP port is opened.
pub(super) const PORT: u16 = 5432;

/// Runs the server and outlives the service by one read: when the service's end of standard input closes (stop, panic
/// or SIGKILL), it stops the server in fast mode. Standard output is the lock, held until the server has ended.
const KEEPER: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( cat <&3 >/dev/null; kill -INT $server ) &
exec 3<&-
wait $server
"#;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) home: Home,
    keeper: Child,
}

impl Server {
    pub(super) fn launch(home: Home, settings: &[String]) -> Result<Self, EmbeddedError> {
        let binaries = choose(&home)?;
        if home.version().is_none() {
            init(&home, &binaries)?;
        }
        let log = at(&home.log(), File::options().create(true).append(true).open(home.log()))?;
        let shell = Path::new("/bin/sh");
        let mut keeper = user::command(shell, home.user);
        keeper.args(["-c", KEEPER, "sh"]).arg(binaries.dir.join("postgres"));
        keeper.arg("-D").arg(&home.cluster).arg("-k").arg(&home.sockets);
        keeper.args(["-p", &PORT.to_string(), "-c", "listen_addresses="]);
        for setting in settings {
            keeper.args(["-c", setting]);
        }
        let lock = at(&home.dir, home.lock.try_clone())?;
        let spawned = keeper.stdin(Stdio::piped()).stdout(lock).stderr(log).spawn();
        let keeper = at(shell, spawned)?;
        Ok(Self { home, keeper })
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.keeper.try_wait(), Ok(None))
    }

    /// Fast shutdown with a checkpoint; waits for it.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        drop(self.keeper.stdin.take());
        self.keeper.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            log::warn!("the private PostgreSQL was not seen to stop: {error}");
        }
    }
}

/// The version that the files are of, or the first that there is.
fn choose(home: &Home) -> Result<Binaries, EmbeddedError> {
    let mut found = binaries::find().into_iter();
    match home.version() {
        None => found.next().ok_or(EmbeddedError::NoBinaries),
        Some(version) => {
            let missing = EmbeddedError::NoSuchVersion { home: home.dir.clone(), found: version };
            found.find(|binaries| binaries.version == version).ok_or(missing)
        }
    }
}

fn init(home: &Home, binaries: &Binaries) -> Result<(), EmbeddedError> {
    let initdb = binaries.dir.join("initdb");
    let mut command = user::command(&initdb, home.user);
    // Under another name until it is complete: what a crash leaves half-made is made anew.
    let unfinished = home.unfinished_cluster();
    if unfinished.exists() {
        at(&unfinished, std::fs::remove_dir_all(&unfinished))?;
    }
    private_dir(&unfinished, home.user)?;
    command.arg("-D").arg(&unfinished).args(["-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--data-checksums"]);
    // The socket's directory is open to the database's own user alone; there is no other way in.
    command.args(["--auth-local=trust", "--auth-host=reject"]);
    let output = at(&initdb, command.output())?;
    if !output.status.success() {
        return Err(EmbeddedError::InitDb(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    at(&home.cluster, std::fs::rename(&unfinished, &home.cluster))
}
