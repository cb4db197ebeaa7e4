//! Passes the Git commit to the program, and names the inputs of a build that cargo does not track by itself.

use std::process::Command;

fn main() {
    // A macro embeds the migrations at compile time, and cargo does not track the files that a macro reads.
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed=ORDERS_COMMIT");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/logs/HEAD");
    println!("cargo:rustc-env=ORDERS_COMMIT={}", commit().unwrap_or_else(|| "unknown".to_owned()));
}

/// From the environment, for sources without their history. Otherwise from git.
fn commit() -> Option<String> {
    let given = std::env::var("ORDERS_COMMIT").ok().filter(|commit| !commit.is_empty());
    given.or_else(|| {
        let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
        let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !commit.is_empty()).then_some(commit)
    })
}
