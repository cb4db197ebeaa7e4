use std::sync::atomic::{AtomicU64, Ordering};

use crate::{app::RepoError, domain::TenantId};

use super::errors::corrupt;

/// The rows of this process that belonged to another tenant than the one whose rows were asked for. The metrics show it, and
/// an alarm watches them.
static MISMATCHES: AtomicU64 = AtomicU64::new(0);

/// A statement has found a row of another tenant. It is a fault of the service, and the row must not leave it.
#[derive(Debug, thiserror::Error)]
#[error("a statement for tenant {asked} returned a row of tenant {found}")]
struct TenantMismatch {
    asked: TenantId,
    found: String,
}

/// Compares a row that leaves the adapter with the tenant that it was read for: one statement serves many tenants, so its
/// conditions alone are not trusted.
pub(super) fn check_tenant(asked: &TenantId, found: &str) -> Result<(), RepoError> {
    if asked.as_str() == found {
        return Ok(());
    }
    MISMATCHES.fetch_add(1, Ordering::Relaxed);
    Err(corrupt(TenantMismatch { asked: asked.clone(), found: found.to_owned() }))
}

pub(super) fn tenant_mismatches() -> u64 {
    MISMATCHES.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_tenant_is_an_error_that_is_counted() {
        let asked: TenantId = "acme".parse().unwrap();
        check_tenant(&asked, "acme").unwrap();
        let before = tenant_mismatches();
        let error = check_tenant(&asked, "umbrella").unwrap_err();
        assert!(matches!(error, RepoError::Backend(_)), "{error:?}");
        assert_eq!(tenant_mismatches(), before + 1);
    }
}
