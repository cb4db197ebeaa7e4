use std::time::Duration;

use crate::{
    app::{Clock, CursorTarget, FirstPosition, Lease, MovedCursor, NewSink, RepoError, SinkCursors, SinkStatus},
    infra::clock::SystemClock,
};

use super::{
    MemoryStore,
    state::{Committed, KeptCursor},
};

impl SinkCursors for MemoryStore {
    async fn renew_leases(&self, instance: &str, sinks: &[NewSink]) -> Result<Vec<Lease>, RepoError> {
        let mut committed = self.shared.committed();
        let last = committed.events.len() as u64;
        let leases = sinks.iter().map(|NewSink { name, kind, begins }| {
            let position = if *begins == FirstPosition::End { last } else { 0 };
            let new =
                KeptCursor { kind: kind.as_str(), position, epoch: 0, is_paused: false, holder: None, failure: None };
            let kept = committed.cursors.entry((*name).to_owned()).or_insert(new);
            if kept.holder.as_deref() != Some(instance) {
                kept.epoch += 1;
                kept.holder = Some(instance.to_owned());
            }
            Lease {
                sink: (*name).to_owned(),
                instance: instance.to_owned(),
                epoch: kept.epoch,
                position: kept.position,
                is_paused: kept.is_paused,
            }
        });
        Ok(leases.collect())
    }

    async fn release_leases(&self, instance: &str) -> Result<(), RepoError> {
        let mut committed = self.shared.committed();
        let held = committed.cursors.values_mut().filter(|kept| kept.holder.as_deref() == Some(instance));
        held.for_each(|kept| kept.holder = None);
        Ok(())
    }

    async fn advance(&self, lease: &Lease, position: Option<u64>, failure: Option<&str>) -> Result<bool, RepoError> {
        let mut committed = self.shared.committed();
        let Some(kept) = current(&mut committed, lease) else { return Ok(false) };
        let since = kept.failure.as_ref().map_or_else(|| SystemClock.now(), |(_, since)| *since);
        (kept.position, kept.failure) =
            (position.unwrap_or(kept.position), failure.map(|failure| (failure.to_owned(), since)));
        Ok(true)
    }

    async fn sinks(&self) -> Result<Vec<SinkStatus>, RepoError> {
        let committed = self.shared.committed();
        let status = |(name, kept): (&String, &KeptCursor)| {
            let next = usize::try_from(kept.position).ok().and_then(|next| committed.events.get(next));
            let age = next.map(|next| SystemClock.now() - next.event.occurred_at);
            SinkStatus {
                name: name.clone(),
                kind: kept.kind.to_owned(),
                position: kept.position,
                head: committed.events.len() as u64,
                is_paused: kept.is_paused,
                lag: age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default(),
                failure: kept.failure.clone(),
                holder: kept.holder.clone(),
            }
        };
        Ok(committed.cursors.iter().map(status).collect())
    }

    async fn set_paused(&self, name: &str, paused: bool) -> Result<bool, RepoError> {
        let mut committed = self.shared.committed();
        let kept = committed.cursors.get_mut(name);
        Ok(kept.map(|kept| kept.is_paused = paused).is_some())
    }

    async fn move_cursor(&self, name: &str, to: CursorTarget) -> Result<MovedCursor, RepoError> {
        let mut committed = self.shared.committed();
        let last = committed.events.len() as u64;
        let position = match to {
            CursorTarget::Position(position) => position,
            CursorTarget::Time(at) => {
                let first = committed.events.iter().position(|stored| stored.event.occurred_at >= at);
                first.map_or(last, |first| first as u64)
            }
        };
        if position > last {
            return Ok(MovedCursor::OutOfRange { position, first: 1, last });
        }
        let Some(kept) = committed.cursors.get_mut(name) else { return Ok(MovedCursor::NoSuchSink) };
        (kept.position, kept.failure) = (position, None);
        kept.epoch += 1;
        Ok(MovedCursor::To(position))
    }
}

/// The cursor, if this is its current lease.
fn current<'a>(committed: &'a mut Committed, lease: &Lease) -> Option<&'a mut KeptCursor> {
    let kept = committed.cursors.get_mut(&lease.sink)?;
    (kept.epoch == lease.epoch && kept.holder.as_ref() == Some(&lease.instance)).then_some(kept)
}
