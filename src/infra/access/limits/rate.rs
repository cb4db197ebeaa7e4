use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// So many requests in each window. As many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub requests: NonZeroU32,
    pub window: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a number of requests in a second, a minute or an hour, e.g. 100/s, 6000/m or 100000/h")]
pub struct RateError;

impl Rate {
    /// The time of one request.
    pub(super) fn interval(self) -> Duration {
        (self.window / self.requests.get()).max(Duration::from_nanos(1))
    }

    /// The share of one of so many instances, with a tenth of a second's requests at once.
    pub(super) fn share(self, instances: u32) -> Self {
        let interval = self.interval().saturating_mul(instances.max(1));
        let at_once = Duration::from_millis(100).as_nanos() / interval.as_nanos().max(1);
        let requests = u32::try_from(at_once).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self { requests, window: interval.saturating_mul(requests.get()) }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (requests, window) = text.split_once('/').ok_or(RateError)?;
        let window = match window {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(RateError),
        };
        let is_number = requests.bytes().all(|b| b.is_ascii_digit());
        let requests = requests.parse().ok().filter(|_| is_number).ok_or(RateError)?;
        Ok(Self { requests, window })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.window.as_secs() {
            60 => "m",
            3600 => "h",
            _ => "s",
        };
        write!(f, "{}/{unit}", self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_and_anything_else_is_refused() {
        for text in ["1/s", "100/s", "6000/m", "100000/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "100", "100/", "0/s", "-1/s", "1.5/s", "100/d", "+1/s", "100 / s", "4294967296/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }

    #[test]
    fn the_shares_of_all_instances_together_are_the_rate() {
        for (rate, instances) in [("300/s", 3), ("10/m", 3), ("1000/s", 1), ("7/s", 2)] {
            let rate: Rate = rate.parse().unwrap();
            let share = rate.share(instances);
            let together = share.interval().as_secs_f64() / f64::from(instances);
            assert!((together / rate.interval().as_secs_f64() - 1.0).abs() < 0.001, "{rate}: {share:?}");
        }
    }
}
