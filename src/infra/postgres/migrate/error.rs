use std::{error::Error, fmt, time::Duration};

use refinery::error::Kind;
use sqlx::error::DatabaseError;

use crate::infra::postgres::errors::{StatementError, is_unavailable, write_cause};

/// Why the schema is not migrated. The messages name their causes.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("{0}")]
    Connect(StatementError),
    #[error("no answer from the database within {0:?}")]
    Silent(Duration),
    #[error(
        "the encoding of the database {database} is {encoding}, and the service needs UTF8: create another one with \
         `create database NAME template template0 encoding 'UTF8'` and set DATABASE_URL"
    )]
    Encoding { database: String, encoding: String },
    #[error("the migration failed: {0}")]
    Migrate(MigrationFailure),
}

/// What refinery reports.
#[derive(Debug)]
pub struct MigrationFailure(refinery::Error);

impl MigrateError {
    pub(super) fn connect(error: sqlx::Error) -> Self {
        Self::Connect(StatementError(error))
    }

    pub(super) fn migrate(error: refinery::Error) -> Self {
        Self::Migrate(MigrationFailure(error))
    }

    /// Another attempt may succeed: the same errors are temporary while the service runs. A migration that does not fit the
    /// tables fails again.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(error) => is_unavailable(&error.0),
            Self::Silent(_) => true,
            Self::Encoding { .. } => false,
            Self::Migrate(failure) => {
                failure.cause().is_some_and(|error| is_unavailable(error) && !is_undefined(error))
            }
        }
    }
}

impl MigrationFailure {
    /// The error of the connection that refinery used.
    fn cause(&self) -> Option<&sqlx::Error> {
        let mut source = self.0.source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref() {
                return Some(error);
            }
            source = error.source();
        }
        None
    }
}

impl fmt::Display for MigrationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.kind(), self.cause()) {
            (Kind::Connection(what, _), Some(cause)) => {
                write!(f, "{what}: ")?;
                write_cause(cause, f)
            }
            _ => self.0.fmt(f),
        }
    }
}

/// No such table or column.
fn is_undefined(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| matches!(code.as_ref(), "42P01" | "42703"))
}
