use crate::app::{CursorTarget, MovedCursor, Ports, RepoError, SinkCursors, SinkStatus};

/// Pauses and resumes a sink. A paused sink keeps its cursor, so nothing is lost. Checks no rights.
#[derive(Debug)]
pub struct PauseSink<'a, P>(pub &'a P);

/// Moves the cursor of a sink: back to deliver events again, or ahead to skip events. Checks no rights.
#[derive(Debug)]
pub struct MoveSink<'a, P>(pub &'a P);

#[derive(Debug, thiserror::Error)]
pub enum ManageSinkError {
    #[error("there is no sink {0:?}")]
    UnknownSink(String),
    #[error("the event log has no position {position}; a cursor can be at {} to {last}", first - 1)]
    OutOfRange { position: u64, first: u64, last: u64 },
    #[error("{0} is a read model, which has no other position than that of its figures; build it anew at position 0")]
    ReadModel(String),
    #[error(transparent)]
    Store(#[from] RepoError),
}

impl<P: Ports> PauseSink<'_, P> {
    /// Returns the sink as it is then. To do it again changes nothing.
    pub async fn execute(&self, name: &str, paused: bool) -> Result<SinkStatus, ManageSinkError> {
        self.0.store().set_paused(name, paused).await?;
        sink(self.0, name).await
    }
}

impl<P: Ports> MoveSink<'_, P> {
    /// Returns the sink as it is then. The instance that works it begins again at the new position within a second.
    pub async fn execute(&self, name: &str, to: CursorTarget) -> Result<SinkStatus, ManageSinkError> {
        match self.0.store().move_cursor(name, to).await? {
            MovedCursor::To(_) | MovedCursor::NoSuchSink => sink(self.0, name).await,
            MovedCursor::ReadModel => Err(ManageSinkError::ReadModel(name.to_owned())),
            MovedCursor::OutOfRange { position, first, last } => {
                // Without this, a wrong name with a wrong position would not be found.
                sink(self.0, name).await?;
                Err(ManageSinkError::OutOfRange { position, first, last })
            }
        }
    }
}

async fn sink<P: Ports>(ports: &P, name: &str) -> Result<SinkStatus, ManageSinkError> {
    let sinks = ports.store().sinks().await?;
    sinks.into_iter().find(|sink| sink.name == name).ok_or_else(|| ManageSinkError::UnknownSink(name.to_owned()))
}
