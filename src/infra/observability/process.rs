use std::{fs, sync::atomic::AtomicU64};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The metrics that every process has: memory, CPU time, file descriptors. Without proc(5) they stay 0.
#[derive(Default)]
pub(super) struct ProcessMetrics {
    resident: Gauge,
    cpu: Counter<f64, AtomicU64>,
    fds: Gauge,
    max_fds: Gauge,
    started: Gauge<f64, AtomicU64>,
}

impl ProcessMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let process = registry.sub_registry_with_prefix("process");
        process.register("resident_memory_bytes", "Resident memory in bytes", self.resident.clone());
        process.register("cpu_seconds", "User and system CPU time in seconds", self.cpu.clone());
        process.register("open_fds", "Number of open file descriptors", self.fds.clone());
        process.register("max_fds", "Maximum number of open file descriptors", self.max_fds.clone());
        let started = "Start time of the process in seconds since the Unix epoch";
        process.register("start_time_seconds", started, self.started.clone());
    }

    pub(super) fn update(&self) {
        let Some(now) = read_proc() else { return };
        self.resident.set(now.resident_bytes);
        self.cpu.inc_by((now.cpu_seconds - self.cpu.get()).max(0.0));
        self.fds.set(now.open_fds);
        self.max_fds.set(now.max_fds);
        self.started.set(now.started);
    }
}

struct Process {
    resident_bytes: i64,
    cpu_seconds: f64,
    open_fds: i64,
    max_fds: i64,
    /// In seconds since the Unix epoch.
    started: f64,
}

/// The unit of CPU time in proc(5). Linux has used 100 ticks per second on every architecture for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// `None` where there is no proc(5).
fn read_proc() -> Option<Process> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let resident_kib: i64 = field(&status, "VmRSS:")?.parse().ok()?;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the name of the program in parentheses, may contain anything: the third one follows the last ')'.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = field(&boot, "btime")?.parse().ok()?;
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    Some(Process {
        resident_bytes: resident_kib * 1024,
        cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
        open_fds: i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?,
        max_fds: field(&limits, "Max open files")?.parse().ok()?,
        started: booted + ticks(22)? / TICKS_PER_SECOND,
    })
}

/// The first word after this name at the beginning of a line.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}
