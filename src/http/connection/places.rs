use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Context,
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;

/// The places for connections, of all workers together. When all are taken, the connection that waits longest for a request
/// gives way to a new one. If none waits, the new connection is served from a reserve: it can only ask for the health.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max: usize,
    begun: Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    last_id: u64,
    seats: HashMap<u64, Arc<Seat>>,
    in_reserve: usize,
}

/// What others may know of a connection that has a place.
#[derive(Debug)]
struct Seat {
    /// In milliseconds after the beginning of the service, or `BUSY` or `GIVES_WAY`.
    waiting_since: AtomicU64,
    waker: AtomicWaker,
}

/// The connection has a request.
const BUSY: u64 = u64::MAX;
/// The place belongs to another connection now.
const GIVES_WAY: u64 = u64::MAX - 1;

/// A connection that has waited for less does not give way: its next request may be on the way.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);

/// How many connections beyond the limit are served at a time. `bootstrap` keeps open files for them.
pub(crate) const RESERVE: usize = 64;

impl Places {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Shared { max, begun: Instant::now(), taken: Mutex::default() }))
    }

    /// A place for a new connection, which waits for its first request. `None` if the reserve is used up too.
    pub(crate) fn take(&self) -> Option<Place> {
        let seat = Arc::new(Seat { waiting_since: AtomicU64::new(self.0.now()), waker: AtomicWaker::new() });
        let mut taken = self.0.taken();
        let id = self.0.seat(&mut taken, &seat);
        if id.is_none() {
            if taken.in_reserve == RESERVE {
                return None;
            }
            taken.in_reserve += 1;
        }
        drop(taken);
        Some(Place { places: self.clone(), id, seat })
    }
}

impl Shared {
    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(GIVES_WAY - 1)
    }

    /// A free seat, or the one of a connection that gives way.
    fn seat(&self, taken: &mut Taken, seat: &Arc<Seat>) -> Option<u64> {
        if taken.seats.len() >= self.max && !self.free_one(taken) {
            return None;
        }
        taken.last_id += 1;
        taken.seats.insert(taken.last_id, seat.clone());
        Some(taken.last_id)
    }

    /// Lets the connection that waits longest give way. False if none has waited for long enough.
    fn free_one(&self, taken: &mut Taken) -> bool {
        let latest = self.now().saturating_sub(u64::try_from(GIVES_WAY_AFTER.as_millis()).unwrap_or(0));
        loop {
            let waiting = taken.seats.iter().map(|(id, seat)| (seat.waiting_since.load(Ordering::Relaxed), *id, seat));
            let longest = waiting.filter(|(since, ..)| *since <= latest).min_by_key(|(since, id, _)| (*since, *id));
            let Some((since, id, seat)) = longest else { return false };
            let given = seat.waiting_since.compare_exchange(since, GIVES_WAY, Ordering::AcqRel, Ordering::Relaxed);
            // Otherwise its request has come meanwhile, and another connection may give way.
            if given.is_ok() {
                seat.waker.wake();
                taken.seats.remove(&id);
                return true;
            }
        }
    }
}

/// The place of a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    /// `None` in the reserve.
    id: Option<u64>,
    seat: Arc<Seat>,
}

impl Place {
    /// Whether the connection can ask for the health only. Takes a place that has become free.
    pub(super) fn is_reserve(&mut self) -> bool {
        if self.id.is_none() {
            let mut taken = self.places.0.taken();
            self.id = self.places.0.seat(&mut taken, &self.seat);
            taken.in_reserve -= usize::from(self.id.is_some());
        }
        self.id.is_none()
    }

    pub(super) fn wait_for_request(&self) {
        self.seat.waiting_since.store(self.places.0.now(), Ordering::Release);
    }

    /// A request is here. False if the place is given away already: then this request is the last one.
    pub(super) fn begin_request(&self) -> bool {
        self.seat.waiting_since.swap(BUSY, Ordering::AcqRel) != GIVES_WAY
    }

    pub(super) fn is_given_away(&self) -> bool {
        self.seat.waiting_since.load(Ordering::Acquire) == GIVES_WAY
    }

    /// Whether the place is given away; else the task is woken then.
    pub(super) fn gives_way(&self, context: &Context<'_>) -> bool {
        self.seat.waker.register(context.waker());
        self.is_given_away()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken();
        match self.id {
            // Nothing is there if it was given away.
            Some(id) => drop(taken.seats.remove(&id)),
            None => taken.in_reserve -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds after the beginning of the service.
    fn places(max: usize) -> Places {
        let begun = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        Places(Arc::new(Shared { max, begun, taken: Mutex::default() }))
    }

    fn place(places: &Places, waiting_since: u64) -> Place {
        let place = places.take().unwrap();
        place.seat.waiting_since.store(waiting_since, Ordering::Release);
        place
    }

    #[test]
    fn the_connection_that_waits_longest_gives_way_and_no_busy_one() {
        let places = places(3);
        let (later, busy, earlier) = (place(&places, 5), place(&places, BUSY), place(&places, 3));
        let _new = place(&places, BUSY);
        assert!(earlier.is_given_away() && !later.is_given_away());
        let _new_too = place(&places, BUSY);
        assert!(later.is_given_away() && !busy.is_given_away());
        assert!(places.take().unwrap().is_reserve());
        assert!(!earlier.begin_request(), "its request is the last one");
        assert!(busy.begin_request());
    }

    #[test]
    fn a_connection_that_has_waited_for_less_than_a_second_keeps_its_place() {
        let places = places(1);
        let waiting = place(&places, 9_500);
        assert!(places.take().unwrap().is_reserve());
        assert!(!waiting.is_given_away());
    }

    #[test]
    fn a_place_in_the_reserve_becomes_a_usual_one_when_there_is_room() {
        let places = places(1);
        let busy = place(&places, BUSY);
        let mut waiting = places.take().unwrap();
        assert!(waiting.is_reserve());
        drop(busy);
        assert!(!waiting.is_reserve());
        assert_eq!(places.0.taken().in_reserve, 0);
        drop(waiting);
        assert!(places.0.taken().seats.is_empty());
    }

    #[test]
    fn the_reserve_ends_and_is_free_again() {
        let places = places(1);
        let _busy = place(&places, BUSY);
        let reserve: Vec<Place> = (0..RESERVE).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none());
        drop(reserve);
        assert!(places.take().is_some());
    }
}
