use time::Duration;

use crate::app::{Clock, IdempotencyKeys, Ports, RepoError};

/// Forgets what was done under keys that are older than a day.
#[derive(Debug)]
pub struct ForgetKeys<'a, P>(pub &'a P);

/// How long a repetition finds what the first request led to.
const KEPT: Duration = Duration::hours(24);

/// How many keys go at once: none of the transactions is long.
const AT_ONCE: usize = 1000;

impl<P: Ports> ForgetKeys<'_, P> {
    /// How many keys were forgotten.
    pub async fn execute(&self) -> Result<usize, RepoError> {
        let before = self.0.clock().now() - KEPT;
        let mut forgotten = 0;
        loop {
            let gone = self.0.store().forget(before, AT_ONCE).await?;
            forgotten += gone;
            if gone < AT_ONCE {
                return Ok(forgotten);
            }
        }
    }
}
