use crate::app::{Ports, RepoError, SinkCursors, SinkStatus};

/// Shows every sink that ever had a cursor, by name. Checks no rights.
#[derive(Debug)]
pub struct ListSinks<'a, P>(pub &'a P);

impl<P: Ports> ListSinks<'_, P> {
    pub async fn execute(&self) -> Result<Vec<SinkStatus>, RepoError> {
        self.0.store().sinks().await
    }
}
