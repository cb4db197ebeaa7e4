use std::fmt::Write;

/// Turns OpenMetrics, which the client library writes, into the text format 0.0.4 of Prometheus, which every reader
/// understands. OpenMetrics describes a counter without the suffix `_total` of its samples; the text format describes each
/// metric by the name of its samples.
pub(super) fn prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 512);
    let mut lines = open_metrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")).peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        let counter =
            described.filter(|(name, _)| lines.next_if_eq(&format!("# TYPE {name} counter").as_str()).is_some());
        // Writing to a string does not fail.
        let _ = match counter {
            Some((name, help)) => writeln!(text, "# HELP {name}_total {help}\n# TYPE {name}_total counter"),
            None => writeln!(text, "{line}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let open_metrics = "# HELP a Help.\n# TYPE a counter\na_total 1\n# HELP b More.\n# TYPE b gauge\nb 2\n# EOF\n";
        assert_eq!(
            prometheus_text(open_metrics),
            "# HELP a_total Help.\n# TYPE a_total counter\na_total 1\n# HELP b More.\n# TYPE b gauge\nb 2\n"
        );
    }
}
