use crate::app::{KeyError, Lock, Ports, RepoError, Telemetry};

/// How often a write that lost a race is decided anew before it gives up. From the second attempt on it locks the order,
/// so that only writers who came before it can still win.
const MAX_ATTEMPTS: u32 = 8;

/// The error of a write.
pub(crate) trait WriteError: From<KeyError> {
    /// What the store refused, if that was the reason.
    fn store_error(&self) -> Option<&RepoError>;
}

/// Makes attempts until one succeeds or is refused for good. What stands in the way may be the work of an earlier request
/// with the same key: `replay` gives its response, if there was one.
pub(crate) async fn retry<P, T, E, A, R>(ports: &P, attempt: impl Fn(Lock) -> A, replay: impl Fn() -> R) -> Result<T, E>
where
    P: Ports,
    E: WriteError,
    A: Future<Output = Result<T, E>>,
    R: Future<Output = Result<Option<T>, KeyError>>,
{
    let (mut number, mut lock) = (1, Lock::None);
    loop {
        let error = match attempt(lock).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let is_lost_race = match error.store_error() {
            Some(RepoError::Unavailable(_) | RepoError::Backend(_)) => return Err(error),
            Some(RepoError::Conflict | RepoError::KeyTaken) => true,
            // A replay of an earlier response may need no decision.
            Some(RepoError::NewerRelease(_)) | None => false,
        };
        if let Some(done) = replay().await? {
            return Ok(done);
        }
        if !is_lost_race {
            return Err(error);
        }
        ports.telemetry().lost_race();
        log::debug!(attempt = number; "a write lost a race");
        if number == MAX_ATTEMPTS {
            return Err(error);
        }
        ports.telemetry().retried();
        (number, lock) = (number + 1, Lock::Write);
    }
}
