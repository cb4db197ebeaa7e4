use std::io::{self, Write};

use env_logger::fmt::Formatter;
use log::{Record, kv};
use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, target, message, then `key=value`.
    Pretty,
    /// For programs: one JSON object a line with `ts`, `level`, `target`, `msg` and the keys.
    Json,
}

/// Lines go to standard error; `RUST_LOG` sets the levels, by layer if wanted (`orders::domain=debug`).
///
/// A second call changes nothing.
pub fn init_logging(format: LogFormat) {
    let filters =
        std::env::var("RUST_LOG").unwrap_or_else(|_| "info,sqlx::postgres::notice=warn,actix_server=warn".into());
    let _already_set = env_logger::Builder::new()
        .parse_filters(&filters)
        .format(move |out, record| match format {
            LogFormat::Pretty => pretty(out, record),
            LogFormat::Json => json(out, record),
        })
        .try_init();
}

fn pretty(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    write!(out, "{} {:5} {}: ", now(), record.level(), record.target())?;
    // One line an event, whatever is in the message.
    let message = record.args().to_string();
    out.write_all(message.replace('\n', "\\n").as_bytes())?;
    for (key, value) in pairs(record) {
        match value {
            Value::String(text) if text.chars().all(|c| c.is_ascii_graphic() && c != '"') => {
                write!(out, " {key}={text}")?;
            }
            other => write!(out, " {key}={other}")?,
        }
    }
    writeln!(out)
}

fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = Map::new();
    line.insert("ts".into(), now().into());
    line.insert("level".into(), record.level().as_str().into());
    line.insert("target".into(), record.target().into());
    line.insert("msg".into(), record.args().to_string().into());
    line.extend(pairs(record));
    writeln!(out, "{}", Value::Object(line))
}

#[expect(clippy::disallowed_methods, reason = "a log line has the time at which it was written")]
fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

fn pairs(record: &Record<'_>) -> Map<String, Value> {
    let mut pairs = Pairs(Map::new());
    // The visitor never fails.
    let _ = record.key_values().visit(&mut pairs);
    pairs.0
}

struct Pairs(Map<String, Value>);

impl<'kvs> kv::VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        let json = if let Some(number) = value.to_u64() {
            number.into()
        } else if let Some(number) = value.to_i64() {
            number.into()
        } else if let Some(number) = value.to_f64() {
            number.into()
        } else if let Some(truth) = value.to_bool() {
            truth.into()
        } else {
            value.to_string().into()
        };
        self.0.insert(key.as_str().to_owned(), json);
        Ok(())
    }
}
