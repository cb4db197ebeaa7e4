use futures_util::TryStreamExt;
use sqlx::query;

use super::{audit::Audit, report::Finding};

/// How many events one statement counts.
const CHUNK: i64 = 100_000;

impl<F: FnMut(&str)> Audit<'_, F> {
    /// Checks that every position exists, from the first one that is not retired up to the head.
    pub(super) async fn check_positions(&mut self) -> Result<(), sqlx::Error> {
        let heads = query!("select position, retired_to from event_head").fetch_all(&mut *self.connection).await?;
        let [head] = &heads[..] else {
            self.report.find(Finding::Heads(heads.len()));
            return Ok(());
        };
        self.report.retired_to = head.retired_to;
        self.report.head = head.position;
        let mut checked = head.retired_to;
        loop {
            let chunk = query!(
                r#"select count(*) as "events!", max(position) as last
                from (select position from order_events where position > $1 order by position limit $2) as chunk"#,
                checked,
                CHUNK
            );
            let chunk = chunk.fetch_one(&mut *self.connection).await?;
            let Some(last) = chunk.last else { break };
            self.report.events += chunk.events.cast_unsigned();
            if last - checked != chunk.events {
                self.find_gaps(checked, last).await?;
            }
            self.progress.at(|| format!("positions: {last} of {}", head.position));
            checked = last;
        }
        if checked > head.position {
            self.report.find(Finding::BeyondTheHead { head: head.position, last: checked });
        } else if checked < head.position {
            self.report.find(Finding::Hole { first: checked + 1, last: head.position });
        }
        Ok(())
    }

    /// Reports every gap between two positions; the second one exists.
    async fn find_gaps(&mut self, after: i64, until: i64) -> Result<(), sqlx::Error> {
        let mut gaps = query!(
            r#"select position + 1 as "first!", next - 1 as "last!"
            from (
                select position, lead(position) over (order by position) as next
                from (
                    select $1::bigint as position
                    union all select position from order_events where position > $1 and position <= $2
                ) as positions
            ) as pairs
            where next - position > 1
            order by position"#,
            after,
            until
        )
        .fetch(&mut *self.connection);
        while let Some(gap) = gaps.try_next().await? {
            self.report.find(Finding::Hole { first: gap.first, last: gap.last });
        }
        Ok(())
    }
}
