use crate::{config::Config, infra::raise_open_files_limit};

/// Open files that belong to no client and to no database: log files, timers, event loops, files of the console that are sent,
/// and connections beyond the limit that only read the health.
const RESERVE: u64 = 160;

/// Connections to the database beside `ORDERS_DB_POOL`: each kind has at least one, and a start migrates on two.
const DATABASE: u64 = 8;

/// Raises the limit of open files, and returns how many connections of clients fit in.
pub(super) fn max_connections(config: &Config) -> u32 {
    let wanted = config.max_connections;
    let Some(limit) = raise_open_files_limit() else { return wanted };
    // A request may need a connection to the pricing service.
    let files_each = if config.pricing_url.is_some() { 2 } else { 1 };
    let others = u64::from(config.db_pool) + DATABASE + RESERVE;
    let needed = u64::from(wanted) * files_each + others;
    if needed <= limit {
        return wanted;
    }
    let fitting = u32::try_from(limit.saturating_sub(others) / files_each).unwrap_or(wanted).max(1);
    log::warn!(
        "the limit of open files is {limit}, and ORDERS_MAX_CONNECTIONS={wanted} needs {needed} with the database and a \
         reserve of {RESERVE}: the service accepts {fitting} connections at a time; raise the limit (ulimit -n, LimitNOFILE=) \
         or lower ORDERS_MAX_CONNECTIONS"
    );
    fitting
}
