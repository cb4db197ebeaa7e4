use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{Client, RedisError, Script, aio::MultiplexedConnection};
use tokio::time::timeout;

use crate::{app::Quota, infra::access::bounded::make_room};

use super::{local::LocalLimiter, rate::Rate};

/// The quotas of callers over all instances, in Redis. An instance takes portions of a quota and gives them out itself, so that
/// few requests wait for Redis. While Redis is away, each instance gives out its share.
pub(super) struct SharedLimiter {
    rate: Rate,
    client: Client,
    take: Script,
    beat: Script,
    /// The name of this instance among the others.
    instance: String,
    connection: Mutex<Option<MultiplexedConnection>>,
    /// How many instances shared the quotas when Redis last answered; 0 if it never has.
    instances: AtomicU32,
    leases: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Lease>>>>,
    /// For the time without Redis, and for how many instances it is.
    alone: Mutex<Option<(u32, Arc<LocalLimiter<String>>)>>,
}

/// What this instance may give out to one caller without asking.
#[derive(Default)]
struct Lease {
    requests: u32,
    /// Afterwards it counts as given out.
    until: Option<Instant>,
    /// What was left of the quota in Redis.
    left: u32,
    /// Until then nothing is left in Redis.
    exceeded_until: Option<Instant>,
}

/// Takes up to ARGV[3] requests from the quota KEYS[1]. A request takes ARGV[1] microseconds, and ARGV[2] requests may come at
/// once. Returns how many it gave, how many are left, and the microseconds until one is.
const TAKE: &str = "
    local interval, at_once, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
    local room = math.floor((now + interval * at_once - due) / interval)
    if room < 1 then
        return {0, 0, due + interval - interval * at_once - now}
    end
    local given = math.min(room, wanted)
    due = due + given * interval
    redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 1000)
    return {given, room - given, 0}
";

/// Counts the instance ARGV[1] as present, and returns how many are.
const BEAT: &str = "
    local time = redis.call('TIME')
    redis.call('ZADD', KEYS[1], time[1], ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] - 10)
    redis.call('EXPIRE', KEYS[1], 60)
    return redis.call('ZCARD', KEYS[1])
";

const INSTANCES: &str = "orders:instances";

/// Requests do not wait for Redis for longer.
const TIMEOUT: Duration = Duration::from_millis(100);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How often this instance shows that it is there, and looks whether Redis is.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// A lease is for so long at the rate of the quota, so that instances get equal parts.
const LEASE_FOR: Duration = Duration::from_millis(50);

/// A lease that is not used by then is lost.
const LEASE_ENDS: Duration = Duration::from_secs(1);

/// The most callers whose leases are remembered. What a forgotten lease had left counts as given out.
const CAPACITY: usize = 10_000;

impl SharedLimiter {
    pub(super) fn new(rate: Rate, url: &str, instance: String) -> Result<Self, RedisError> {
        Ok(Self {
            rate,
            client: Client::open(url)?,
            take: Script::new(TAKE),
            beat: Script::new(BEAT),
            instance,
            connection: Mutex::default(),
            instances: AtomicU32::new(0),
            leases: Mutex::default(),
            alone: Mutex::default(),
        })
    }

    pub(super) async fn take(&self, caller: &str) -> Quota {
        if self.connection().is_none() {
            return self.take_alone(caller);
        }
        let lease = self.lease(caller);
        let mut lease = lease.lock().await;
        let now = Instant::now();
        if lease.requests > 0 && lease.until.is_some_and(|until| until > now) {
            lease.requests -= 1;
            return self.quota(lease.requests + lease.left, None);
        }
        if let Some(until) = lease.exceeded_until.filter(|until| *until > now) {
            return self.quota(0, Some(until - now));
        }
        // Those that waited for a request in vain do not repeat it one after the other.
        let Some(connection) = self.connection() else { return self.take_alone(caller) };
        match self.ask(connection, caller).await {
            Ok((given, left, wait)) => {
                *lease = Lease {
                    requests: given.saturating_sub(1),
                    until: Some(now + LEASE_ENDS),
                    left,
                    exceeded_until: (given == 0).then_some(now + wait),
                };
                self.quota(lease.requests + left, (given == 0).then_some(wait))
            }
            Err(error) => {
                // The next beat connects again.
                if lock(&self.connection).take().is_some() {
                    log::warn!("Redis does not answer; each instance now keeps to its share of the limits: {error}");
                }
                self.take_alone(caller)
            }
        }
    }

    async fn ask(&self, mut connection: MultiplexedConnection, caller: &str) -> Result<(u32, u32, Duration), String> {
        let interval = self.rate.interval();
        let portion = (LEASE_FOR.as_nanos() / interval.as_nanos().max(1)).clamp(1, 1000);
        let mut take = self.take.key(format!("orders:limit:{caller}"));
        // In microseconds, with their fractions: the rate may be higher than one in a microsecond.
        take.arg(interval.as_secs_f64() * 1e6).arg(self.rate.requests.get()).arg(u32::try_from(portion).unwrap_or(1));
        let asked = timeout(TIMEOUT, take.invoke_async::<(u32, u32, f64)>(&mut connection)).await;
        let (given, left, wait) =
            asked.map_err(|_| format!("no answer within {TIMEOUT:?}"))?.map_err(|error| error.to_string())?;
        Ok((given, left, Duration::from_secs_f64(wait.clamp(0.0, 1e12) / 1e6)))
    }

    fn take_alone(&self, caller: &str) -> Quota {
        let instances = self.instances.load(Ordering::Relaxed).max(1);
        let limiter = {
            let mut alone = lock(&self.alone);
            match &*alone {
                Some((number, limiter)) if *number == instances => limiter.clone(),
                _ => {
                    let limiter = Arc::new(LocalLimiter::new(self.rate.share(instances)));
                    *alone = Some((instances, limiter.clone()));
                    limiter
                }
            }
        };
        limiter.take(&caller.to_owned())
    }

    fn lease(&self, caller: &str) -> Arc<tokio::sync::Mutex<Lease>> {
        let mut leases = lock(&self.leases);
        if let Some(lease) = leases.get(caller) {
            return lease.clone();
        }
        let now = Instant::now();
        make_room(&mut leases, CAPACITY, |lease| {
            let lease = lease.try_lock();
            lease.map_or(true, |lease| lease.until.max(lease.exceeded_until).is_some_and(|until| until > now))
        });
        leases.entry(caller.to_owned()).or_default().clone()
    }

    fn quota(&self, remaining: u32, exceeded_for: Option<Duration>) -> Quota {
        let Rate { requests, window } = self.rate;
        let remaining = remaining.min(requests.get());
        let used = requests.get() - remaining;
        let reset = exceeded_for.unwrap_or_else(|| self.rate.interval().saturating_mul(used));
        Quota { limit: requests.get(), window, remaining, reset, is_exceeded: exceeded_for.is_some() }
    }

    /// How many instances share the quotas now; 0 while Redis is away.
    pub(super) fn sharing(&self) -> u32 {
        if self.connection().is_some() { self.instances.load(Ordering::Relaxed) } else { 0 }
    }

    /// Keeps the connection, for as long as it is polled.
    pub(super) async fn keep_connected(&self) -> std::convert::Infallible {
        let mut is_away = false;
        loop {
            match self.beat().await {
                Ok(instances) => {
                    let instances = instances.max(1);
                    if self.instances.swap(instances, Ordering::Relaxed) != instances || is_away {
                        log::info!(instances; "the limits are shared through Redis");
                    }
                    is_away = false;
                }
                Err(error) => {
                    *lock(&self.connection) = None;
                    if !is_away {
                        log::warn!("Redis is away; each instance keeps to its share of the limits: {error}");
                    }
                    is_away = true;
                }
            }
            tokio::time::sleep(BEAT_EVERY).await;
        }
    }

    async fn beat(&self) -> Result<u32, String> {
        let connect = async {
            let mut connection = match self.connection() {
                Some(connection) => connection,
                None => self.client.get_multiplexed_async_connection().await?,
            };
            let mut beat = self.beat.key(INSTANCES);
            beat.arg(&self.instance);
            let instances = beat.invoke_async::<u32>(&mut connection).await?;
            *lock(&self.connection) = Some(connection);
            Ok::<_, RedisError>(instances)
        };
        let beaten = timeout(CONNECT_TIMEOUT, connect).await;
        beaten.map_err(|_| format!("no answer within {CONNECT_TIMEOUT:?}"))?.map_err(|error| error.to_string())
    }

    fn connection(&self) -> Option<MultiplexedConnection> {
        lock(&self.connection).clone()
    }
}

/// Nothing while it is locked can leave the value half changed: a poisoned lock is usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
