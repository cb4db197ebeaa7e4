use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A point in time that moves often and seldom passes. A timer that is set already stays as it is if it fires before
/// the new point: it is set anew when it fires. So most requests set no timer.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) fn set_in(&mut self, period: Duration) {
        self.at = Some(Instant::now() + period);
    }

    pub(super) fn clear(&mut self) {
        self.at = None;
    }

    /// Wakes the task when the point has passed.
    pub(super) fn wake_when_passed(&mut self, context: &mut Context<'_>) {
        let Some(at) = self.at else { return };
        match &mut self.timer {
            // It wakes the task already.
            Some(timer) if !timer.is_elapsed() && timer.deadline() <= at => return,
            Some(timer) => timer.as_mut().reset(at),
            none => *none = Some(Box::pin(sleep_until(at))),
        }
        if self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready()) {
            context.waker().wake_by_ref();
        }
    }

    /// Ready when the point has passed; else it wakes the task then.
    pub(super) fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.at.is_some_and(|at| Instant::now() >= at) {
            return Poll::Ready(());
        }
        self.wake_when_passed(context);
        Poll::Pending
    }
}
