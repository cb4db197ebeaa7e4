use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::PathBuf,
    time::{Duration, Instant},
};

/// How many full files are kept beside the one that is written to.
const KEPT: usize = 5;

/// How often a file is looked for that may have gone, and one that cannot be written to is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it has to go well until it counts as mended: on a full disk, a short line may fit where the next one does not.
const MENDED_AFTER: Duration = Duration::from_mins(1);

/// Log lines in a directory: `orders.log`, and behind it `orders.log.1` to `orders.log.5`, the newest first. A line is
/// in one file and whole, whatever happens; while files cannot be written, lines go to standard error alone.
#[derive(Debug)]
pub(crate) struct LogFile {
    dir: PathBuf,
    /// In bytes: a line that would make the file larger begins the next one.
    max: u64,
    open: Option<Open>,
    looked: Instant,
    /// When it last went wrong, until that is mended. Told once.
    failed: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    /// Locked: of two processes, each would put aside what the other has not filled, and cut off what the other wrote.
    _dir: File,
    file: File,
    /// Of whole lines.
    size: u64,
}

impl LogFile {
    /// Opens, or goes on with, the file in this directory, which is made if it is not there.
    pub(crate) fn new(dir: PathBuf, max: u64) -> Self {
        let mut log = Self { dir, max, open: None, looked: Instant::now(), failed: None };
        let opened = log.open();
        log.told(opened);
        log
    }

    fn line(&mut self, line: &[u8]) {
        let due = self.looked.elapsed() >= LOOK_EVERY;
        if due {
            self.looked = Instant::now();
        }
        if due && self.is_another() {
            self.open = None;
        }
        if self.open.is_none() && !due {
            return;
        }
        let written = self.write_line(line);
        self.told(written);
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
            // A part of the line may be there: what follows begins where it began.
            Err(_) => open.file.set_len(open.size.min(open.file.metadata()?.len()))?,
        }
        written
    }

    fn open(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let dir = File::open(&self.dir)?;
        // Not every file system has locks.
        if let Err(TryLockError::WouldBlock) = dir.try_lock() {
            return Err(io::Error::other("another process writes there"));
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
        for number in (0..KEPT).rev() {
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

    /// Whether somebody took the file away, and what is written to it would be lost, or changed it.
    fn is_another(&self) -> bool {
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

    /// Not by the log: this is the log.
    fn told(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => self.failed = self.failed.filter(|failed| failed.elapsed() < MENDED_AFTER),
            Err(error) => {
                self.open = None;
                if self.failed.replace(Instant::now()).is_none() {
                    let _ = writeln!(io::stderr(), "orders: no log file in {} for now: {error}", self.dir.display());
                }
            }
        }
    }
}

/// A crash of the machine, or a disk that fails, may have left a half line.
fn ends_a_line(file: &File, size: u64) -> io::Result<bool> {
    let mut last = *b"\n";
    if let Some(at) = size.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    Ok(last == *b"\n")
}

/// Standard error and the file, if there is one. It is handed whole lines.
#[derive(Debug)]
pub(crate) struct Tee(pub(crate) Option<LogFile>);

impl Write for Tee {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // Nobody may be there to read it.
        let _ = io::stderr().write_all(lines);
        if let Some(file) = &mut self.0 {
            lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| file.line(line));
        }
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
    fn a_file_that_somebody_emptied_is_filled_from_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().to_owned(), 20);
        log.line(b"first line\n");
        File::options().write(true).open(log.path(0)).unwrap().set_len(0).unwrap();
        log.looked = log.looked.checked_sub(LOOK_EVERY).unwrap();
        log.line(b"second line\n");
        assert_eq!(fs::read_to_string(log.path(0)).unwrap(), "second line\n");
        assert!(!log.path(1).exists());
    }

    #[test]
    fn an_outage_is_over_when_it_has_gone_well_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(dir.path().to_owned(), 20);
        log.told(Err(io::ErrorKind::StorageFull.into()));
        log.told(Ok(()));
        assert!(log.failed.is_some(), "a line that went well may have been a short one");
        log.failed = Instant::now().checked_sub(MENDED_AFTER);
        log.told(Ok(()));
        assert!(log.failed.is_none());
    }
}
