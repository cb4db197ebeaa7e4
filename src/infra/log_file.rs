use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How many full files are kept beside the one that is written to.
const KEPT: usize = 5;

/// How often a file is looked for that may have gone, and one that cannot be written to is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Log lines in a directory: `orders.log`, and behind it `orders.log.1` to `orders.log.5`, the newest first. A line is
/// in one file and whole, whatever happens; while files cannot be written, lines go to standard error alone.
#[derive(Debug)]
pub(super) struct LogFile {
    dir: PathBuf,
    /// In bytes: a line that would make the file larger begins the next one.
    max: u64,
    open: Option<Open>,
    looked: Instant,
    /// Told once for each time that it goes wrong.
    is_away: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Of whole lines.
    size: u64,
}

impl LogFile {
    /// Opens, or goes on with, the file in this directory, which is made if it is not there.
    pub(super) fn new(dir: PathBuf, max: u64) -> Self {
        let mut log = Self { dir, max, open: None, looked: Instant::now(), is_away: false };
        let opened = log.open();
        log.told(opened);
        log
    }

    fn line(&mut self, line: &[u8]) {
        let due = self.looked.elapsed() >= LOOK_EVERY;
        if due {
            self.looked = Instant::now();
        }
        if due && self.has_gone() {
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
            Err(_) => open.file.set_len(open.size)?,
        }
        written
    }

    fn open(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let file = File::options().create(true).append(true).open(self.path(0))?;
        let size = file.metadata()?.len();
        self.open = Some(Open { file, size });
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..KEPT).rev() {
            match fs::rename(self.path(number), self.path(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.open = None;
        self.open()
    }

    /// Whether somebody took the file away: what is written to it would be lost.
    fn has_gone(&self) -> bool {
        let Some(open) = &self.open else { return false };
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let (ours, theirs) = (open.file.metadata().map(id), fs::metadata(self.path(0)).map(id));
        !matches!((ours, theirs), (Ok(ours), Ok(theirs)) if ours == theirs)
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
            Ok(()) => self.is_away = false,
            Err(error) => {
                self.open = None;
                if !self.is_away {
                    let _ = writeln!(io::stderr(), "orders: no log file in {} for now: {error}", self.dir.display());
                }
                self.is_away = true;
            }
        }
    }
}

/// Standard error and the file. `env_logger` hands over a whole line at a time, one after the other.
#[derive(Debug)]
pub(super) struct Tee(pub(super) LogFile);

impl Write for Tee {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Nobody may be there to read it.
        let _ = io::stderr().write_all(line);
        self.0.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
