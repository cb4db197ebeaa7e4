use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files of this process and of those that it starts, as far as the system allows. Returns the limit
/// that holds from now on; `None` if there is none.
pub fn raise_open_files_limit() -> Option<u64> {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised,
        // Some systems refuse what they gave as the maximum.
        Err(error) => {
            log::debug!("the limit of open files stays as it is: {error}");
            before
        }
    };
    limit.current
}
