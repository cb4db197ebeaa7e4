use std::time::Duration;

use tokio::sync::watch;

/// Is closed while the lane writes, and open again when only the commit is left. Whoever would only wait for
/// the next transaction can wait here first, together with others, and be ready in time.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Gate(watch::Sender<bool>);

/// The gate is closed until this is dropped.
pub(super) struct Closed<'a>(&'a Gate);

/// A transaction that writes for longer is stuck, and no reason to wait.
const PATIENCE: Duration = Duration::from_millis(20);

impl Gate {
    pub(super) fn close(&self) -> Closed<'_> {
        self.0.send_replace(true);
        Closed(self)
    }

    pub(in super::super) fn is_closed(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open, if that is soon.
    pub(in super::super) async fn pass(&self) {
        if self.is_closed() {
            let mut gate = self.0.subscribe();
            let _ = tokio::time::timeout(PATIENCE, gate.wait_for(|is_closed| !is_closed)).await;
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.0.send_replace(false);
    }
}
