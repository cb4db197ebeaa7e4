use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    time::{Duration, Instant},
};

use super::log_thread::to_standard_error;

/// How many full files are kept beside the current one.
const KEPT_FILES: usize = 5;

/// How often to check that the file still exists, and to open it again after a failure.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A failure is over when writing has succeeded for so long. On a full disk, a short line may fit where the next one does
/// not.
const RECOVERED_AFTER: Duration = Duration::from_mins(1);

/// Writes log lines to `orders.log` in a directory. Full files are `orders.log.1` (the newest) to `orders.log.5`. A line is
/// never divided between two files. While the file cannot be written, lines go to standard error only.
#[derive(Debug)]
pub(crate) struct LogFile {
    dir: PathBuf,
    /// In bytes. A line that does not fit begins the next file.
    max: u64,
    open: Option<Open>,
    checked: Instant,
    /// The last failure, until it is over. Only the first one is reported.
    failed: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    /// Locked. Two processes would rotate and truncate the files of each other.
    _dir: File,
    file: File,
    /// In bytes, of whole lines.
    size: u64,
}

impl LogFile {
    /// Opens or continues the file in this directory. Creates the directory if it does not exist.
    pub(crate) fn new(dir: PathBuf, max: u64) -> Self {
        let mut log = Self { dir, max, open: None, checked: Instant::now(), failed: None };
        let opened = log.open();
        log.record(opened);
        log
    }

    fn line(&mut self, line: &[u8]) {
        let due = self.checked.elapsed() >= CHECK_INTERVAL;
        if due {
            self.checked = Instant::now();
        }
        if due && self.has_changed() {
            self.open = None;
        }
        if self.open.is_none() && !due {
            return;
        }
        let written = self.write_line(line);
        self.record(written);
    }

    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.open.is_none() {
            self.open()?;
        }
        let length = line.len() as u64;
        if self.open.as_ref().is_some_and(|open| open.size > 0 && open.size + length > self.max) {
            self.rotate()?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let written = open.file.write_all(line);
        match written {
            Ok(()) => open.size += length,
            // A part of the line may be written: the next line replaces it.
            Err(_) => open.file.set_len(open.size.min(open.file.metadata()?.len()))?,
        }
        written
    }

    fn open(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let dir = File::open(&self.dir)?;
        // Some file systems have no locks.
        if let Err(TryLockError::WouldBlock) = dir.try_lock() {
            return Err(io::Error::other("another process writes to it"));
        }
        let mut file = self.file()?;
        let mut size = file.metadata()?.len();
        if !ends_a_line(&file, size)? {
            file.write_all(b"\n")?;
            size += 1;
        }
        self.open = Some(Open { _dir: dir, file, size });
        Ok(())
    }

    fn file(&self) -> io::Result<File> {
        File::options().create(true).read(true).append(true).open(self.path(0))
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..KEPT_FILES).rev() {
            match fs::rename(self.path(number), self.path(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = self.file()?;
        if let Some(open) = &mut self.open {
            (open.file, open.size) = (file, 0);
        }
        Ok(())
    }

    /// Somebody has moved, replaced or truncated the file.
    fn has_changed(&self) -> bool {
        let Some(open) = &self.open else { return false };
        match (open.file.metadata(), fs::metadata(self.path(0))) {
            (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino(), open.size) != (theirs.dev(), theirs.ino(), theirs.len()),
            _ => true,
        }
    }

    fn path(&self, number: usize) -> PathBuf {
        match number {
            0 => self.dir.join("orders.log"),
            number => self.dir.join(format!("orders.log.{number}")),
        }
    }

    /// Reports a failure on standard error: logging itself has failed.
    fn record(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => self.failed = self.failed.filter(|failed| failed.elapsed() < RECOVERED_AFTER),
            Err(error) => {
                self.open = None;
                if self.failed.replace(Instant::now()).is_none() {
                    let dir = self.dir.display();
                    to_standard_error(&format!("orders: no log file in {dir} at the moment: {error}\n"));
                }
            }
        }
    }
}

/// A crash of the machine or a failure of the disk may have left an incomplete line.
fn ends_a_line(file: &File, size: u64) -> io::Result<bool> {
    let mut last = *b"\n";
    if let Some(at) = size.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    Ok(last == *b"\n")
}

impl Write for LogFile {
    /// Takes whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| self.line(line));
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_somebody_truncated_is_filled_from_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().to_owned(), 20);
        log.line(b"first line\n");
        File::options().write(true).open(log.path(0)).unwrap().set_len(0).unwrap();
        log.checked = log.checked.checked_sub(CHECK_INTERVAL).unwrap();
        log.line(b"second line\n");
        assert_eq!(fs::read_to_string(log.path(0)).unwrap(), "second line\n");
        assert!(!log.path(1).exists());
    }

    #[test]
    fn a_failure_is_over_when_writing_has_succeeded_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().to_owned(), 20);
        log.record(Err(io::ErrorKind::StorageFull.into()));
        log.record(Ok(()));
        assert!(log.failed.is_some(), "one line that was written may have been a short one");
        log.failed = Instant::now().checked_sub(RECOVERED_AFTER);
        log.record(Ok(()));
        assert!(log.failed.is_none());
    }
}
