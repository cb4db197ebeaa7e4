use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::query;

use super::{audit::Audit, report::Finding};

/// What was seen of the events of one tenant, by position.
#[derive(Default)]
struct Seen {
    first: i64,
    last: i64,
    events: i64,
}

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Checks that the sequences of each tenant are dense and in the order of the positions, up to the head of the tenant.
    /// Retired events are the first ones.
    pub(super) async fn check_sequences(&mut self) -> Result<(), sqlx::Error> {
        let mut tenants: HashMap<String, Seen> = HashMap::new();
        let Self { connection, report, progress } = self;
        let mut rows = query!(
            r#"select position, tenant_id, coalesce(sequence, position) as "sequence!" from order_events order by position"#
        )
        .fetch(&mut **connection);
        while let Some(row) = rows.try_next().await? {
            progress.at(|| format!("sequences: position {} of {}", row.position, report.head));
            if let Some(seen) = tenants.get_mut(&row.tenant_id) {
                if row.sequence <= seen.last {
                    report.find(Finding::SequenceOutOfOrder { tenant: row.tenant_id, position: row.position });
                    continue;
                }
                seen.last = row.sequence;
                seen.events += 1;
            } else {
                let seen = Seen { first: row.sequence, last: row.sequence, events: 1 };
                tenants.insert(row.tenant_id, seen);
            }
        }
        drop(rows);
        let heads = query!("select tenant_id, sequence from tenant_heads").fetch_all(&mut *self.connection).await?;
        let mut heads: HashMap<String, i64> = heads.into_iter().map(|head| (head.tenant_id, head.sequence)).collect();
        for (tenant, Seen { first, last, events }) in tenants {
            if last - first + 1 != events || (first > 1 && self.report.retired_to == 0) {
                self.report.find(Finding::Sequences { tenant: tenant.clone(), first, last, events });
            }
            let head = heads.remove(&tenant).unwrap_or(0);
            if head != last {
                self.report.find(Finding::TenantHead { tenant, head, last });
            }
        }
        // All events of the others are retired.
        if self.report.retired_to == 0 {
            for (tenant, head) in heads.into_iter().filter(|(_, head)| *head > 0) {
                self.report.find(Finding::TenantHead { tenant, head, last: 0 });
            }
        }
        Ok(())
    }
}
