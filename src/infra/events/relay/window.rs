use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use crate::{app::LoggedEvent, domain::OrderId};

/// The events between the stored cursor and the newest one that was read, and what became of each. It is bounded: after a
/// failover, the next holder of the sink repeats these events and no others.
#[derive(Debug)]
pub(super) struct Window {
    /// Whether the destination keeps the order of what it receives, also when it refuses an event. If not, an order has one
    /// event at a time on its way.
    keeps_order: bool,
    /// At consecutive positions, from `stored + 1` on.
    events: VecDeque<Entry>,
    /// The cursor in the store.
    stored: u64,
    /// Up to here, every event is acknowledged.
    acknowledged: u64,
    /// The positions of events that may be sent now, in order.
    ready: VecDeque<u64>,
    /// The orders that have an event before them which is not acknowledged, and the positions that wait for it.
    held_back: HashMap<OrderId, VecDeque<u64>>,
    /// Those that the destination has refused, and not taken since.
    refused: BTreeSet<u64>,
    in_flight: usize,
}

#[derive(Debug)]
struct Entry {
    event: Arc<LoggedEvent>,
    state: State,
    was_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    InFlight,
    Acknowledged,
}

impl Window {
    /// What one sink keeps in memory, and repeats after a failover, at most.
    pub(super) const CAPACITY: usize = 2048;

    pub(super) fn new(stored: u64, keeps_order: bool) -> Self {
        Self {
            keeps_order,
            events: VecDeque::new(),
            stored,
            acknowledged: stored,
            ready: VecDeque::new(),
            held_back: HashMap::new(),
            refused: BTreeSet::new(),
            in_flight: 0,
        }
    }

    /// How many more events fit.
    pub(super) fn room(&self) -> usize {
        Self::CAPACITY.saturating_sub(self.events.len())
    }

    /// Whether every event that was read is delivered, and the store knows it.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many events may be sent now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) const fn stored(&self) -> u64 {
        self.stored
    }

    /// Whether the destination does not take an event.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Up to here, every event is acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Adds the next events of the event log.
    pub(super) fn push(&mut self, events: impl IntoIterator<Item = Arc<LoggedEvent>>) {
        for event in events {
            let (position, order_id) = (event.numbers.position, event.order_id);
            self.events.push_back(Entry { event, state: State::Waiting, was_sent: false });
            if self.keeps_order {
                self.ready.push_back(position);
                continue;
            }
            if let Some(waiting) = self.held_back.get_mut(&order_id) {
                waiting.push_back(position);
            } else {
                self.held_back.insert(order_id, VecDeque::new());
                self.ready.push_back(position);
            }
        }
    }

    /// The next events to send. `repeated` of them were sent before.
    pub(super) fn take_ready(&mut self, limit: usize) -> (Vec<Arc<LoggedEvent>>, usize) {
        let mut repeated = 0;
        let positions: Vec<u64> = self.ready.drain(..self.ready.len().min(limit)).collect();
        let events: Vec<Arc<LoggedEvent>> = positions
            .into_iter()
            .filter_map(|position| {
                let entry = self.entry_mut(position)?;
                repeated += usize::from(entry.was_sent);
                (entry.state, entry.was_sent) = (State::InFlight, true);
                Some(entry.event.clone())
            })
            .collect();
        self.in_flight += events.len();
        (events, repeated)
    }

    /// `false` if this event was not on its way.
    pub(super) fn acknowledge(&mut self, position: u64) -> bool {
        let Some(entry) = self.entry_mut(position).filter(|entry| entry.state == State::InFlight) else { return false };
        entry.state = State::Acknowledged;
        let order_id = entry.event.order_id;
        self.in_flight -= 1;
        self.refused.remove(&position);
        if let Some(waiting) = self.held_back.get_mut(&order_id) {
            match waiting.pop_front() {
                Some(next) => self.ready.push_back(next),
                None => drop(self.held_back.remove(&order_id)),
            }
        }
        while self.entry(self.acknowledged + 1).is_some_and(|entry| entry.state == State::Acknowledged) {
            self.acknowledged += 1;
        }
        true
    }

    /// The destination did not take this event: it will be sent again.
    pub(super) fn refuse(&mut self, position: u64) {
        if let Some(entry) = self.entry_mut(position).filter(|entry| entry.state == State::InFlight) {
            entry.state = State::Waiting;
            self.in_flight -= 1;
            self.refused.insert(position);
            self.ready.push_back(position);
            self.ready.make_contiguous().sort_unstable();
        }
    }

    /// The connection is lost: what was on its way will be sent again.
    pub(super) fn refuse_all(&mut self) {
        for entry in &mut self.events {
            if entry.state == State::InFlight {
                entry.state = State::Waiting;
                self.ready.push_back(entry.event.numbers.position);
            }
        }
        self.in_flight = 0;
        self.ready.make_contiguous().sort_unstable();
    }

    /// The cursor in the store is here now.
    pub(super) fn store(&mut self, position: u64) {
        while self.stored < position && self.events.pop_front().is_some() {
            self.stored += 1;
        }
    }

    fn index(&self, position: u64) -> Option<usize> {
        usize::try_from(position.checked_sub(self.stored + 1)?).ok()
    }

    fn entry(&self, position: u64) -> Option<&Entry> {
        self.events.get(self.index(position)?)
    }

    fn entry_mut(&mut self, position: u64) -> Option<&mut Entry> {
        let index = self.index(position)?;
        self.events.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use crate::{
        app::{Cause, Numbers},
        domain::TenantId,
    };

    use super::*;

    /// The event at this position, of the order with this number.
    fn event(position: u64, order: u128) -> Arc<LoggedEvent> {
        Arc::new(LoggedEvent {
            numbers: Numbers { position, sequence: position },
            tenant: TenantId::anonymous(),
            cause: Cause::default(),
            event_id: Uuid::from_u128(position.into()),
            order_id: OrderId::from_uuid(Uuid::from_u128(order)),
            version: 1,
            event_type: "order.created.v1".to_owned(),
            occurred_at: OffsetDateTime::UNIX_EPOCH,
            data: "{}".to_owned(),
        })
    }

    fn window(keeps_order: bool, orders: &[u128]) -> Window {
        let mut window = Window::new(10, keeps_order);
        window.push((11..).zip(orders).map(|(position, order)| event(position, *order)));
        window
    }

    fn take(window: &mut Window) -> Vec<u64> {
        window.take_ready(100).0.iter().map(|event| event.numbers.position).collect()
    }

    #[test]
    fn an_order_has_one_event_on_its_way_where_the_destination_may_refuse_one_and_take_the_next() {
        let mut window = window(false, &[1, 1, 2, 1]);
        assert_eq!(take(&mut window), [11, 13]);
        assert!(take(&mut window).is_empty());
        assert!(window.acknowledge(11));
        assert_eq!(take(&mut window), [12]);
        window.refuse(12);
        assert_eq!(take(&mut window), [12], "the next event of the order waits for the repetition");
        assert!(window.acknowledge(12) && window.acknowledge(13));
        assert_eq!((take(&mut window), window.acknowledged()), (vec![14], 13));
    }

    #[test]
    fn all_events_are_sent_at_once_where_the_destination_keeps_their_order() {
        let mut window = window(true, &[1, 1, 2]);
        assert_eq!(window.take_ready(2).0.len(), 2);
        assert_eq!((take(&mut window), window.in_flight()), (vec![13], 3));
    }

    #[test]
    fn the_cursor_stays_before_the_first_event_that_is_not_acknowledged() {
        let mut window = window(true, &[1, 2, 3]);
        take(&mut window);
        assert!(window.acknowledge(12) && window.acknowledge(13));
        assert_eq!(window.acknowledged(), 10);
        assert!(window.acknowledge(11));
        assert_eq!(window.acknowledged(), 13);
        assert!(!window.acknowledge(11), "it is acknowledged already");
    }

    #[test]
    fn a_lost_connection_repeats_what_was_on_its_way_in_order_and_nothing_else() {
        let mut window = window(false, &[1, 2, 3, 1]);
        take(&mut window);
        assert!(window.acknowledge(12));
        window.refuse_all();
        let (events, repeated) = window.take_ready(100);
        let positions: Vec<u64> = events.iter().map(|event| event.numbers.position).collect();
        assert_eq!((positions, repeated), (vec![11, 13], 2));
    }

    #[test]
    fn events_leave_when_the_cursor_is_stored_and_only_then_make_room() {
        let mut window = Window::new(0, true);
        let capacity = Window::CAPACITY as u64;
        window.push((1..=capacity).map(|position| event(position, position.into())));
        window.take_ready(Window::CAPACITY);
        for position in 1..=capacity {
            window.acknowledge(position);
        }
        assert_eq!(window.room(), 0);
        window.store(5);
        assert_eq!(window.room(), 5);
        assert_eq!((window.stored(), window.acknowledged()), (5, capacity));
    }
}
