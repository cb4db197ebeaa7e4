use std::{error::Error, time::Duration};

/// Why the schema is not migrated. The messages name their causes.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("no connection to the database: {0}")]
    Connect(sqlx::Error),
    #[error("no answer from the database within {0:?}")]
    Silent(Duration),
    #[error(
        "the encoding of the database {database} is {encoding}, and the service needs UTF8: create another one with \
         `create database NAME template template0 encoding 'UTF8'` and set DATABASE_URL"
    )]
    Encoding { database: String, encoding: String },
    #[error("the migration failed: {0}")]
    Migrate(refinery::Error),
}

impl MigrateError {
    /// Another attempt may succeed soon.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(error) => is_temporary(error),
            Self::Silent(_) => true,
            Self::Encoding { .. } => false,
            Self::Migrate(error) => cause(error).is_some_and(is_temporary),
        }
    }
}

/// The error of the connection that refinery used.
fn cause(error: &refinery::Error) -> Option<&sqlx::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        // The server starts, stops, has no free connection, or has become a standby.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("53") || code.as_ref() == "25006"),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}
