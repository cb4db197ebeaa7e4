use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use super::EmbeddedError;

/// Whom the database runs as when the service runs as root, which PostgreSQL refuses for itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// `None` where the service is not root: then the database runs as the same user.
pub(super) fn to_drop_to() -> Result<Option<User>, EmbeddedError> {
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    let known = |name| Some(User { uid: id(&["-u", name])?, gid: id(&["-g", name])? });
    known("postgres").or_else(|| known("nobody")).map(Some).ok_or(EmbeddedError::NoUser)
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// A command as the database's user, with a plain environment, in a process group of its own: Ctrl-C in a terminal
/// stops the service, which stops the database when it is done with it.
pub(super) fn command(program: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").process_group(0);
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Whether the user can write in the directory, every directory above it included.
pub(super) fn can_write(user: Option<User>, dir: &Path) -> bool {
    let mut test = command(Path::new("/bin/sh"), user);
    test.args(["-c", r#"test -w "$1" && test -x "$1""#, "sh"]).arg(dir);
    test.status().is_ok_and(|status| status.success())
}
