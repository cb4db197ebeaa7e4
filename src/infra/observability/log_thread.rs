use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// How long lines are gathered: one write takes all that come meanwhile.
const GATHER: Duration = Duration::from_millis(5);

/// Whoever logs waits once so many bytes have not been written: behind a disk or a reader that stands still.
const MOST_PENDING: u64 = 1 << 20;

/// How long the end of the process waits for a disk or a reader that stands still.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Log lines on their way to a thread that writes them: no request waits for a disk or for whoever reads standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogThread(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    more: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    /// How many bytes there were ever, and how many of them are written.
    total: u64,
    written: u64,
}

/// The one of this process.
static LOG: OnceLock<LogThread> = OnceLock::new();

/// Returns when all lines so far are written, or after a second. For the end of the process.
pub fn flush_log() {
    let Some(LogThread(log)) = LOG.get() else { return };
    let lines = log.lines();
    let total = lines.total;
    drop(log.written.wait_timeout_while(lines, LAST_WORDS, |lines| lines.written < total));
}

impl LogThread {
    /// Gives every line to `target`, whole and in order. `None` when there is one already, or no thread to be had.
    pub(crate) fn start(mut target: impl Write + Send + 'static) -> Option<Self> {
        let log = Self::default();
        LOG.set(log.clone()).ok()?;
        let shared = log.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_to(&mut target)).ok()?;
        Some(log)
    }
}

impl Write for LogThread {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_behind = |lines: &mut Lines| lines.total - lines.written > MOST_PENDING;
        let lines = self.0.written.wait_while(self.0.lines(), is_behind);
        let mut lines = lines.unwrap_or_else(PoisonError::into_inner);
        if lines.pending.is_empty() {
            self.0.more.notify_one();
        }
        lines.pending.extend_from_slice(line);
        lines.total += line.len() as u64;
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
            mem::swap(&mut self.lines().pending, &mut taken);
            // There is nobody to tell.
            let _ = target.write_all(&taken);
            self.lines().written += taken.len() as u64;
            self.written.notify_all();
            taken.clear();
        }
    }

    /// Held to move bytes: a panic of another thread leaves nothing half-done.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
