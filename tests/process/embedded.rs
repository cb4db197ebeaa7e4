use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use crate::support::program::Program;

#[tokio::test]
async fn without_a_database_url_the_orders_are_in_a_private_database_that_survives_kill_9() {
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
async fn a_second_instance_does_not_start_on_a_private_database_in_use() {
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
async fn as_root_the_service_falls_back_to_a_directory_that_postgresql_can_reach() {
    if !is_root() {
        // Only for root does PostgreSQL run as another user.
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
fn without_postgresql_on_the_machine_the_error_names_three_solutions() {
    // Hides the binaries: PATH has none, and an empty directory covers the one that Debian uses.
    let dir = tempfile::tempdir().unwrap();
    let hide = "mount --bind \"$1\" /usr/lib/postgresql && shift && exec \"$@\"";
    let wrapper = ["unshare", "--mount", "sh", "-c", hide, "sh", dir.path().to_str().unwrap()];
    let program = Program::new().data_dir(&dir.path().join("data")).env("PATH", "/usr/bin:/bin").inside(wrapper);
    let may_hide = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !may_hide || !Path::new("/usr/lib/postgresql").exists() {
        eprintln!("skipped: the test needs a mount namespace and Debian's directories to hide the binaries");
        return;
    }
    let ended = program.run();
    assert!(!ended.status.success(), "{ended:?}");
    for solution in ["install PostgreSQL", "DATABASE_URL", "--in-memory"] {
        assert!(ended.stderr.contains(solution), "{ended:?}");
    }
}

pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// Lets PostgreSQL's user enter a temporary directory.
pub(crate) fn open_to_all(dir: &Path) {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
}
