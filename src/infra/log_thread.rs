use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// How long lines are gathered: one write takes all that come meanwhile.
const GATHER: Duration = Duration::from_millis(1);

/// Whoever logs waits once so many bytes have not been written: behind a disk or a reader that stands still.
const MOST_PENDING: usize = 1 << 20;

/// Log lines on their way to a thread that writes them: no request waits for a disk or for whoever reads standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct LogThread(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    more: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    is_writing: bool,
}

/// The one of this process.
static LOG: OnceLock<LogThread> = OnceLock::new();

/// Returns when all lines so far are written. For the end of the process.
pub fn flush_log() {
    if let Some(log) = LOG.get() {
        drop(log.0.wait_until_written(0));
    }
}

impl LogThread {
    /// Gives every line to `target`, whole and in order. `None` when there is one already, or no thread to be had.
    pub(super) fn start(mut target: impl Write + Send + 'static) -> Option<Self> {
        let log = Self::default();
        LOG.set(log.clone()).ok()?;
        let shared = log.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_to(&mut target)).ok()?;
        Some(log)
    }
}

impl Write for LogThread {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.wait_until_written(MOST_PENDING);
        if lines.pending.is_empty() {
            self.0.more.notify_one();
        }
        lines.pending.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write_to(&self, target: &mut impl Write) {
        let mut taken = Vec::new();
        loop {
            let idle = self.more.wait_while(self.lines(), |lines| lines.pending.is_empty());
            drop(idle.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(GATHER);
            let mut lines = self.lines();
            mem::swap(&mut lines.pending, &mut taken);
            lines.is_writing = true;
            drop(lines);
            // There is nobody to tell.
            let _ = target.write_all(&taken);
            taken.clear();
            self.lines().is_writing = false;
            self.written.notify_all();
        }
    }

    /// Until at most so many bytes are pending; none at all, when nothing is being written either.
    fn wait_until_written(&self, pending: usize) -> MutexGuard<'_, Lines> {
        let is_behind = |lines: &mut Lines| lines.pending.len() > pending || (pending == 0 && lines.is_writing);
        self.written.wait_while(self.lines(), is_behind).unwrap_or_else(PoisonError::into_inner)
    }

    /// Held to move bytes: a panic of another thread leaves nothing half-done.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
