use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use crate::app::{Backlog, EventBus, Lagged, Publication, Subscription};

/// The event bus of one process. All subscribers share one copy of each event. The bus keeps a limited number of events: a
/// subscriber that falls further behind loses its place.
#[derive(Clone, Debug)]
pub struct InProcessBus {
    sender: Sender<Publication>,
    /// A power of two, like the capacity of the channel.
    capacity: usize,
}

impl InProcessBus {
    /// About 2 MiB of events at most.
    pub const DEFAULT_CAPACITY: usize = 4096;

    /// `capacity` is how many events a subscriber may be behind.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.next_power_of_two();
        Self { sender: Sender::new(capacity), capacity }
    }

    /// The current number of subscribers.
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl EventBus for InProcessBus {
    type Subscription = BusSubscription;

    fn publish(&self, publication: Publication) {
        // It fails if there is no subscriber, which is fine.
        let _ = self.sender.send(publication);
    }

    fn subscribe(&self) -> BusSubscription {
        BusSubscription { receiver: self.sender.subscribe(), capacity: self.capacity }
    }
}

/// One subscriber: the events that it has not received yet.
#[derive(Debug)]
pub struct BusSubscription {
    receiver: Receiver<Publication>,
    capacity: usize,
}

impl Subscription for BusSubscription {
    async fn next(&mut self) -> Result<Publication, Lagged> {
        match self.receiver.recv().await {
            Ok(publication) => Ok(publication),
            Err(RecvError::Lagged(_)) => Err(Lagged),
            // The bus was dropped: no event comes any more.
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
