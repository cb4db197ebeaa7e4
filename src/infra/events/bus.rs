use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use crate::app::{Backlog, EventBus, Lagged, LoggedEvent, Subscription};

/// The event bus of one process: every subscriber gets every event, and no copy of it. A subscriber that is more than
/// the capacity behind loses its place, so that what the bus keeps is bounded.
#[derive(Clone, Debug)]
pub struct InProcessBus {
    sender: Sender<Arc<LoggedEvent>>,
    /// A power of two, as the channel has it.
    capacity: usize,
}

impl InProcessBus {
    /// At most about 2 MiB of events.
    pub const DEFAULT_CAPACITY: usize = 4096;

    /// How many events a subscriber may be behind.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        Self { sender: Sender::new(capacity), capacity }
    }

    /// How many listen now.
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl EventBus for InProcessBus {
    type Subscription = BusSubscription;

    fn publish(&self, event: Arc<LoggedEvent>) {
        // It fails when nobody listens, which is no failure.
        let _ = self.sender.send(event);
    }

    fn subscribe(&self) -> BusSubscription {
        BusSubscription { receiver: self.sender.subscribe(), capacity: self.capacity }
    }
}

/// What one subscriber has not heard yet.
#[derive(Debug)]
pub struct BusSubscription {
    receiver: Receiver<Arc<LoggedEvent>>,
    capacity: usize,
}

impl Subscription for BusSubscription {
    async fn next(&mut self) -> Result<Arc<LoggedEvent>, Lagged> {
        match self.receiver.recv().await {
            Ok(event) => Ok(event),
            Err(RecvError::Lagged(_)) => Err(Lagged),
            // The bus is gone with the process's parts: nothing comes any more.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    fn backlog(&self) -> Backlog {
        match self.receiver.len() {
            0 => Backlog::None,
            waiting if waiting <= self.capacity => Backlog::Some,
            _ => Backlog::Lost,
        }
    }
}
