use std::{
    borrow::Cow,
    io::{self, Write},
    path::PathBuf,
};

use env_logger::{Target, fmt::Formatter};
use log::{LevelFilter, Record, kv};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::trace::TraceContext;

use super::{
    log_file::LogFile,
    log_levels::{self, LogLevelsError},
    log_thread::{LogThread, STANDARD_ERROR},
};

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, target, message, then `key=value`.
    Pretty,
    /// For programs: one JSON object a line with `ts`, `level`, `target`, `msg` and the keys.
    Json,
}

/// The directory for log files, which get the same lines as standard error.
#[derive(Clone, Debug)]
pub struct LogDir {
    pub path: PathBuf,
    /// The maximum size of a file, in bytes.
    pub file_bytes: u64,
}

/// Sets up logging to standard error and, with `dir`, to files. `RUST_LOG` sets the levels, also by layer
/// (`orders::domain=debug`). Each line that is logged for a request has the id of its trace.
///
/// A second call changes nothing.
pub fn init_logging(format: LogFormat, dir: Option<LogDir>) -> Result<(), LogLevelsError> {
    let levels = log_levels::from_env()?;
    // Each has a thread of its own: when one stands still, the other one has the lines up to then.
    let standard_error = LogThread::start(STANDARD_ERROR, io::stderr());
    let file =
        dir.and_then(|LogDir { path, file_bytes }| LogThread::start("the log file", LogFile::new(path, file_bytes)));
    let target = match standard_error {
        Some(standard_error) => Target::Pipe(Box::new(Sinks { standard_error, file })),
        None => Target::Stderr,
    };
    let _already_set = env_logger::Builder::new()
        .parse_filters(&levels)
        // It logs each message that the broker returns, with its data. The sink reports its errors.
        .filter_module("lapin", LevelFilter::Off)
        .target(target)
        .format(move |out, record| match format {
            LogFormat::Pretty => pretty(out, record),
            LogFormat::Json => json(out, record),
        })
        .try_init();
    Ok(())
}

/// Where each line goes.
struct Sinks {
    standard_error: LogThread,
    file: Option<LogThread>,
}

impl Write for Sinks {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
        }
        self.standard_error.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pretty(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    write_time(out)?;
    write!(out, " {:5} {}: ", record.level(), record.target())?;
    // Always one line: a line break in the message is escaped.
    match message(record) {
        Cow::Borrowed(fixed) => out.write_all(fixed.as_bytes())?,
        Cow::Owned(text) => out.write_all(text.replace('\n', "\\n").as_bytes())?,
    }
    visit(record, |key, value| {
        for part in [" ", key, "="] {
            out.write_all(part.as_bytes())?;
        }
        match value.to_borrowed_str() {
            Some(text) if text.bytes().all(|b| b.is_ascii_graphic() && b != b'"') => out.write_all(text.as_bytes()),
            Some(text) => write!(out, "{text:?}"),
            None => write!(out, "{value}"),
        }
    })?;
    if let Some(trace) = TraceContext::current() {
        write!(out, " trace_id={trace}")?;
    }
    out.write_all(b"\n")
}

fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    out.write_all(b"{\"ts\":\"")?;
    write_time(out)?;
    write!(out, "\",\"level\":\"{}\",\"target\":\"{}\",\"msg\":", record.level(), record.target())?;
    serde_json::to_writer(&mut *out, &message(record))?;
    visit(record, |key, value| {
        write!(out, ",\"{key}\":")?;
        if let Some(number) = value.to_u64() {
            write!(out, "{number}")
        } else if let Some(number) = value.to_i64() {
            write!(out, "{number}")
        } else if let Some(truth) = value.to_bool() {
            write!(out, "{truth}")
        } else {
            Ok(serde_json::to_writer(&mut *out, &format_args!("{value}"))?)
        }
    })?;
    if let Some(trace) = TraceContext::current() {
        write!(out, ",\"trace_id\":\"{trace}\"")?;
    }
    out.write_all(b"}\n")
}

/// The message of the record, without secrets.
fn message(record: &Record<'_>) -> Cow<'static, str> {
    // sqlx logs an unknown parameter with its value, which may be a password: libpq has `sslpassword`. The name of the
    // parameter may be a part of a password too, if an `&` in the password is not escaped.
    if record.target() == "sqlx_postgres::options::parse" {
        return "ignoring an unknown parameter of DATABASE_URL".into();
    }
    match record.args().as_str() {
        Some(fixed) => fixed.into(),
        None => record.args().to_string().into(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a log line has the time of its writing")]
fn write_time(out: &mut Formatter) -> io::Result<()> {
    OffsetDateTime::now_utc().format_into(out, &Rfc3339).map(drop).map_err(io::Error::other)
}

/// Calls `write` with each key and its value, in order.
fn visit(record: &Record<'_>, write: impl FnMut(&str, &kv::Value<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut visitor = Visitor { write, result: Ok(()) };
    let visited = record.key_values().visit(&mut visitor);
    visitor.result.and(visited.map_err(io::Error::other))
}

struct Visitor<W> {
    write: W,
    result: io::Result<()>,
}

impl<'kvs, W: FnMut(&str, &kv::Value<'_>) -> io::Result<()>> kv::VisitSource<'kvs> for Visitor<W> {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        if self.result.is_ok() {
            self.result = (self.write)(key.as_str(), &value);
        }
        Ok(())
    }
}
