use crate::app::{KeyError, Lock, Ports, RepoError, Telemetry};

/// The number of attempts before a write that keeps losing races fails. From the second attempt on, the write locks the
/// order, so that it can lose only to writers that hold the lock before it.
const MAX_ATTEMPTS: u32 = 8;

/// The error of a write.
pub(crate) trait WriteError: From<KeyError> {
    /// The error of the store, if the store was the reason.
    fn store_error(&self) -> Option<&RepoError>;
}

/// Makes attempts until one succeeds or fails for good. An attempt may fail because an earlier request with the same key
/// succeeded. `replay` returns the response of that request, if there was one.
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
            // The response of an earlier request may still be replayed.
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
