use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use crate::support::program::Program;

#[tokio::test]
async fn without_a_database_url_the_service_has_a_database_of_its_own_that_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let data = dir.path().join("data");
    let service = Program::new().data_dir(&data).start();
    let first = service.create_order().await;
    service.kill();

    let service = Program::new().data_dir(&data).start();
    assert_eq!(service.get(&format!("/orders/{}", first["order_id"].as_str().unwrap())).await, first);
    let second = service.create_order().await;
    service.stop();
    assert!(!data.join("postgres/cluster/postmaster.pid").exists(), "the database was stopped with the service");

    let service = Program::new().data_dir(&data).start();
    let orders = service.get("/orders").await["orders"].clone();
    assert_eq!((&orders[0]["order_id"], &orders[1]["order_id"]), (&second["order_id"], &first["order_id"]));
}

#[tokio::test]
async fn two_instances_do_not_share_a_private_database() {
    let dir = tempfile::tempdir().unwrap();
    open_to_all(dir.path());
    let _service = Program::new().data_dir(dir.path()).start();
    let second = Program::new().data_dir(dir.path()).run();
    assert!(!second.status.success(), "{second:?}");
    assert!(
        second.stderr.contains("in use by another instance") && second.stderr.contains("DATABASE_URL"),
        "{second:?}"
    );
}

#[tokio::test]
async fn as_root_in_a_directory_that_the_database_cannot_reach_the_service_falls_back_and_says_so() {
    if !is_root() {
        // Only root has a database user other than itself.
        return;
    }
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    let data = home.path().join("clone/data");
    let fallback = Path::new("/var/lib/orders")
        .join(data.to_str().unwrap().trim_matches('/').replace('-', "--").replace('/', "-"));

    let service = Program::new().data_dir(&data).start();
    let order = service.create_order().await;
    assert!(fallback.join("cluster/PG_VERSION").exists());
    service.kill();
    let service = Program::new().data_dir(&data).start();
    assert_eq!(service.get("/orders").await["orders"][0]["order_id"], order["order_id"]);
    service.stop();
    fs::remove_dir_all(fallback).unwrap();
}

#[test]
fn without_any_postgresql_the_start_names_the_three_ways_on() {
    // A machine without the binaries: nothing in PATH, and an empty directory where Debian keeps them.
    let dir = tempfile::tempdir().unwrap();
    let hide = "mount --bind \"$1\" /usr/lib/postgresql && shift && exec \"$@\"";
    let wrapper = ["unshare", "--mount", "sh", "-c", hide, "sh", dir.path().to_str().unwrap()];
    let program = Program::new().data_dir(&dir.path().join("data")).env("PATH", "/usr/bin:/bin").inside(wrapper);
    let may_hide = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !may_hide || !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("skipped: hiding the binaries takes a mount namespace and Debian's directories");
        return;
    }
    let ended = program.run();
    assert!(!ended.status.success(), "{ended:?}");
    for way in ["install PostgreSQL", "DATABASE_URL", "--in-memory"] {
        assert!(ended.stderr.contains(way), "{ended:?}");
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// Temporary directories are closed to the database's user.
pub(crate) fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
}
