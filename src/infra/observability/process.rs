use std::fs;

/// What the system knows of this process.
pub(crate) struct Process {
    pub(crate) resident_bytes: i64,
    pub(crate) cpu_seconds: f64,
    pub(crate) open_fds: i64,
    pub(crate) max_fds: i64,
    /// In seconds since the Unix epoch.
    pub(crate) started: f64,
}

/// Of a tick of the processor's clock, as proc(5) counts: Linux has had a hundred a second on every machine for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// `None` where there is no proc(5).
pub(crate) fn look() -> Option<Process> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident_kib: i64 = field(&status, "VmRSS:")?.parse().ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may have anything in it. What follows begins with the third field.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = field(&boot, "btime")?.parse().ok()?;
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    Some(Process {
        resident_bytes: resident_kib * 1024,
        cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
        open_fds: i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?,
        max_fds: limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?
            .split_whitespace()
            .next()?
            .parse()
            .ok()?,
        started: booted + ticks(22)? / TICKS_PER_SECOND,
    })
}

/// The first word behind this name.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}
