use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

/// How long lines are collected for one write.
const COLLECT_FOR: Duration = Duration::from_millis(5);

/// Logging blocks when so many bytes are not written yet, because the disk or the reader of standard error hangs.
const MAX_PENDING: u64 = 1 << 20;

/// How long the end of the process waits for a disk or a reader that hangs.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Hands log lines to a thread that writes them, so that no request waits for the disk or for standard error.
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
    /// How many bytes were logged since the start, and how many of them are written.
    total: u64,
    written: u64,
}

/// The only one of the process.
static LOG: OnceLock<LogThread> = OnceLock::new();

/// Waits until all lines so far are written, but not longer than a second. For the end of the process.
pub fn flush_logging() {
    let Some(LogThread(log)) = LOG.get() else { return };
    let lines = log.lines();
    let total = lines.total;
    drop(log.written.wait_timeout_while(lines, FLUSH_TIMEOUT, |lines| lines.written < total));
}

impl LogThread {
    /// Starts the thread, which writes every line to `target`, whole and in order. `None` if there is one already, or if the
    /// system refuses another thread.
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
        let is_behind = |lines: &mut Lines| lines.total - lines.written > MAX_PENDING;
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
            thread::sleep(COLLECT_FOR);
            mem::swap(&mut self.lines().pending, &mut taken);
            // There is nowhere to report a failure.
            let _ = target.write_all(&taken);
            self.lines().written += taken.len() as u64;
            self.written.notify_all();
            taken.clear();
        }
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
