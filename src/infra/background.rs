use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;

/// The pause before a task starts again; doubled after each panic,
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Runs a background task for as long as the service runs. A panic of the task is logged as an error, and the task starts
/// again after a pause. Nobody awaits a background task, so a panic would otherwise end it in silence.
pub async fn keep_running<F>(name: &str, task: impl Fn() -> F) -> Infallible
where
    F: Future<Output = Infallible>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(panic) = AssertUnwindSafe(task()).catch_unwind().await;
        log::error!("{name} panicked and starts again in {pause:?}: {}", panic_message(&*panic));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Lets the scheduler prefer all other threads to this one and to those that it starts. Where the system refuses that, all are
/// equal.
pub fn yield_to_requests() {
    let _ = rustix::process::setpriority_process(None, YIELDING);
}

/// The nice value: with two busy threads on a core, a thread with 0 gets nine times as much time.
const YIELDING: i32 = 10;

/// The text that the code panicked with.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_starts_again() {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        let running = tokio::spawn(async move {
            let task = || async {
                assert!(counted.fetch_add(1, Ordering::Relaxed) > 0, "the first start fails");
                pending().await
            };
            keep_running("the task", task).await
        });
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while starts.load(Ordering::Relaxed) < 2 {
            assert!(tokio::time::Instant::now() < deadline && !running.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.abort();
    }

    #[test]
    fn the_message_of_a_panic_is_shown_whatever_its_type() {
        assert_eq!(panic_message(&"fixed"), "fixed");
        assert_eq!(panic_message(&"made".to_owned()), "made");
        assert_eq!(panic_message(&1), "no message");
    }
}
