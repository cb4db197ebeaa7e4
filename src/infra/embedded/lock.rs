use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::{EmbeddedError, home::at};

/// The lock of the directories of one private PostgreSQL. The service and its PostgreSQL both hold it, so it is free only when
/// both have ended. It uses flock(2), which the kernel releases however its holders end.
#[derive(Debug)]
pub(super) struct HomeLock {
    file: File,
}

impl HomeLock {
    pub(super) fn open(path: &Path) -> Result<Self, EmbeddedError> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
        Ok(Self { file: at(path, file)? })
    }

    /// `true` if this process holds the lock now.
    pub(super) fn try_take(&mut self, path: &Path) -> Result<bool, EmbeddedError> {
        match self.file.try_lock() {
            Ok(()) => {
                // Only information for a process that waits. A failure does not matter.
                let _ = self.write_pid();
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => at(path, Err(error)),
        }
    }

    fn write_pid(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }

    /// The process id of the last service that took the lock.
    pub(super) fn holder(&mut self) -> Option<u32> {
        let mut text = String::new();
        self.file.rewind().ok()?;
        (&self.file).take(32).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}
