/// The settings of the private PostgreSQL, as `name=value`. PostgreSQL 13 to 18 accept all of them.
///
/// A new server creates its WAL files while commits wait for them. Without filling the files with zeros first, the 99th
/// percentile of creates is half as long. Rare checkpoints leave more of the disk to commits. docs/OPERATIONS.md has the
/// figures and the size on disk.
pub(super) const SETTINGS: [&str; 5] = [
    "wal_init_zero=off",
    "min_wal_size=1GB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "checkpoint_completion_target=0.9",
];
