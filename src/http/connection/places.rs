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

    fn free_one(&self, taken: &mut Taken) -> bool {
        let latest = self.now().saturating_sub(u64::try_from(GIVES_WAY_AFTER.as_millis()).unwrap_or(0));
        let waiting = taken.seats.iter().map(|(id, seat)| (seat.waiting_since.load(Ordering::Relaxed), *id));
        let mut waiting: Vec<(u64, u64)> = waiting.filter(|(since, _)| *since <= latest).collect();
        waiting.sort_unstable();
        for (since, id) in waiting {
            let Some(seat) = taken.seats.get(&id) else { continue };
            let given = seat.waiting_since.compare_exchange(since, GIVES_WAY, Ordering::AcqRel, Ordering::Relaxed);
            // Otherwise its request has come meanwhile.
            if given.is_ok() {
                seat.waker.wake();
                taken.seats.remove(&id);
                return true;
            }
        }
        false
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
