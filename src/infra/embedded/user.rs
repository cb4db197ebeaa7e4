use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use super::EmbeddedError;

/// The user that the database runs as if the service runs as root, which PostgreSQL refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// `None` if the service is not root: the database then runs as the same user.
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

/// A command as the user of the database, with a minimal environment, in its own process group. Ctrl-C in a terminal
/// therefore stops only the service, which stops the database when it no longer needs it.
pub(super) fn command(program: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").process_group(0);
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Whether the user can write to the directory and reach it through all its parents.
pub(super) fn can_write(user: Option<User>, dir: &Path) -> bool {
    let mut test = command(Path::new("/bin/sh"), user);
    test.args(["-c", r#"test -w "$1" && test -x "$1""#, "sh"]).arg(dir);
    test.status().is_ok_and(|status| status.success())
}
