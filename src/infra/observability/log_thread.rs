use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long lines are collected for one write.
const COLLECT_FOR: Duration = Duration::from_millis(5);

/// Logging blocks when so many bytes are not written yet, because the disk or the reader of standard error hangs.
const MAX_PENDING: u64 = 1 << 20;

/// While the process stops, logging does not block. Lines beyond so many bytes are lost.
const MAX_PENDING_AT_STOP: u64 = 8 << 20;

/// Hands log lines to a thread that writes them, so that no request waits for the disk or for standard error.
#[derive(Clone, Debug)]
pub(crate) struct LogThread(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    target: &'static str,
    lines: Mutex<Lines>,
    more: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    /// How much was logged since the start, and how much of it is written.
    total: Count,
    written: Count,
    /// The number of lines that were too many while the process stopped.
    lost: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    bytes: u64,
    lines: u64,
}

pub(crate) const STANDARD_ERROR: &str = "standard error";

/// All of this process.
static THREADS: Mutex<Vec<LogThread>> = Mutex::new(Vec::new());

/// Whether the process stops.
static STOPS: AtomicBool = AtomicBool::new(false);

/// From now on logging does not block, so that it cannot delay the stop of the process.
pub fn unblock_logging() {
    STOPS.store(true, Ordering::SeqCst);
    for LogThread(log) in threads() {
        // A thread that has read the flag before holds this lock until it waits for `written`.
        drop(log.lines());
        log.written.notify_all();
    }
}

/// Waits until all lines so far are written, but not longer than this. For the end of the process. Returns how many lines are
/// not written, and where, if there are any.
pub fn flush_logging(within: Duration) -> Option<String> {
    let deadline = Instant::now() + within;
    let unwritten: Vec<String> = threads().iter().filter_map(|LogThread(log)| log.flush(deadline)).collect();
    (!unwritten.is_empty()).then(|| unwritten.join(", "))
}

/// Writes a line that is not a log record.
pub(crate) fn to_standard_error(line: &str) {
    let thread = threads().into_iter().find(|LogThread(log)| log.target == STANDARD_ERROR);
    // Standard error may be closed.
    let _ = match thread {
        Some(mut thread) => thread.write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

fn threads() -> Vec<LogThread> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl LogThread {
    /// Starts the thread, which writes every line to `sink`, whole and in order. `None` if the system refuses another thread.
    pub(crate) fn start(target: &'static str, mut sink: impl Write + Send + 'static) -> Option<Self> {
        let (more, written) = (Condvar::new(), Condvar::new());
        let log = Self(Arc::new(Shared { target, lines: Mutex::default(), more, written }));
        let shared = log.0.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_to(&mut sink)).ok()?;
        THREADS.lock().unwrap_or_else(PoisonError::into_inner).push(log.clone());
        Some(log)
    }
}

impl Write for LogThread {
    /// Takes one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        let has_to_wait = |lines: &mut Lines| lines.is_beyond(MAX_PENDING) && !STOPS.load(Ordering::SeqCst);
        let lines = self.0.written.wait_while(self.0.lines(), has_to_wait);
        let mut lines = lines.unwrap_or_else(PoisonError::into_inner);
        if lines.is_beyond(MAX_PENDING_AT_STOP) {
            lines.lost += 1;
            return Ok(line.len());
        }
        if lines.pending.is_empty() {
            self.0.more.notify_one();
        }
        lines.pending.extend_from_slice(line);
        lines.total.bytes += length;
        lines.total.lines += 1;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    const fn is_beyond(&self, bytes: u64) -> bool {
        self.total.bytes - self.written.bytes > bytes
    }
}

impl Shared {
    fn write_to(&self, sink: &mut impl Write) {
        let mut taken = Vec::new();
        loop {
            let idle = self.more.wait_while(self.lines(), |lines| lines.pending.is_empty());
            drop(idle.unwrap_or_else(PoisonError::into_inner));
            thread::sleep(COLLECT_FOR);
            let mut lines = self.lines();
            mem::swap(&mut lines.pending, &mut taken);
            let total = lines.total;
            drop(lines);
            // There is nowhere to report a failure.
            let _ = sink.write_all(&taken);
            self.lines().written = total;
            self.written.notify_all();
            taken.clear();
        }
    }

    fn flush(&self, deadline: Instant) -> Option<String> {
        let lines = self.lines();
        let total = lines.total.bytes;
        let rest = deadline.saturating_duration_since(Instant::now());
        let waited = self.written.wait_timeout_while(lines, rest, |lines| lines.written.bytes < total);
        let (lines, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let unwritten = lines.total.lines - lines.written.lines + lines.lost;
        (unwritten > 0).then(|| format!("{unwritten} to {}", self.target))
    }

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
