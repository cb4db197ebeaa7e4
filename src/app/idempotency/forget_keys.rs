use time::Duration;

use crate::app::{IdempotencyKeys, Ports, RepoError};

/// Deletes keys that are older than a day.
#[derive(Debug)]
pub struct ForgetKeys<'a, P>(pub &'a P);

/// How long a repetition finds the outcome of the first request.
const KEPT: Duration = Duration::hours(24);

/// The keys that one transaction deletes, so that none is long.
const AT_ONCE: usize = 1000;

impl<P: Ports> ForgetKeys<'_, P> {
    /// Returns the number of deleted keys.
    pub async fn execute(&self) -> Result<usize, RepoError> {
        let mut forgotten = 0;
        loop {
            let gone = self.0.store().forget(KEPT, AT_ONCE).await?;
            forgotten += gone;
            if gone < AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}
