use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, WaitId, WaitIdOptions, waitid},
};

use super::{
    EmbeddedError, cluster,
    home::{Home, at},
    lock::HomeLock,
    pid_file::{is_stopping, remove_stale},
    server::{Launcher, Processes, Server},
};

/// How long to wait for the PostgreSQL of an instance that was just killed.
const HANDOVER: Duration = Duration::from_secs(15);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How soon the end of PostgreSQL is seen, and how soon that somebody else stops it.
const RUN_POLL: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The pauses before a PostgreSQL that has ended is started again: they double from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A PostgreSQL that has run for so long has recovered: the next pause is the first one.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// While PostgreSQL ends again and again, a line is logged so often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// A thread that runs PostgreSQL, and starts it again when it ends by itself.
#[derive(Debug)]
pub(super) struct Supervisor(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// The one that runs, until its exit status is collected.
    server: Option<Server>,
    /// Whether PostgreSQL has accepted a connection: from then on the end of a run is not the end of the supervisor.
    has_started: bool,
    is_stopping: bool,
}

#[derive(Debug)]
struct Run {
    pid: Pid,
    processes: Processes,
}

#[derive(Debug, Default)]
pub(super) enum Phase {
    #[default]
    Starting,
    /// For what.
    Waiting(String),
    Running,
    Failed(EmbeddedError),
    Ended,
}

impl Supervisor {
    /// `program` is the service's own, which works as the launcher.
    pub(super) fn start(home: Home, program: PathBuf, settings: Vec<String>) -> Result<Self, EmbeddedError> {
        let shared = Arc::new(Shared::default());
        let here = home.dir.clone();
        let run = {
            let shared = shared.clone();
            move || {
                let result = shared.run(&home, program, settings);
                shared.enter(result.map_or_else(Phase::Failed, |()| Phase::Ended));
            }
        };
        at(&here, thread::Builder::new().name("postgresql".to_owned()).spawn(run))?;
        Ok(Self(shared))
    }

    /// What it does now: the error of a start that failed is given once, what it waits for each time.
    pub(super) fn phase(&self) -> Phase {
        let mut state = self.0.state();
        match &state.phase {
            Phase::Starting => Phase::Starting,
            Phase::Waiting(reason) => Phase::Waiting(reason.clone()),
            Phase::Running => Phase::Running,
            Phase::Failed(_) => std::mem::replace(&mut state.phase, Phase::Ended),
            Phase::Ended => Phase::Ended,
        }
    }

    /// PostgreSQL has accepted a connection.
    pub(super) fn has_started(&self) {
        self.0.state().has_started = true;
    }

    /// Whether somebody has called `stop`.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.state().is_stopping
    }

    /// Stops PostgreSQL with a checkpoint, and waits for the end of its processes; whether it has come within this time.
    pub(super) fn stop(&self, within: Duration) -> bool {
        let mut state = self.0.state();
        state.is_stopping = true;
        if let Some(server) = &mut state.server
            && let Err(error) = server.interrupt()
        {
            log::warn!("the private PostgreSQL cannot be interrupted: {error}");
        }
        self.0.changed.notify_all();
        let runs = |state: &mut State| !matches!(state.phase, Phase::Failed(_) | Phase::Ended);
        let waited = self.0.changed.wait_timeout_while(state, within, runs);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }
}

impl Shared {
    fn run(&self, home: &Home, program: PathBuf, settings: Vec<String>) -> Result<(), EmbeddedError> {
        let Some(lock) = self.take_lock(home)? else { return Ok(()) };
        let binaries = cluster::choose_binaries(home)?;
        if home.version().is_none() {
            self.enter(Phase::Waiting("initdb to create the files of the private PostgreSQL".to_owned()));
            cluster::create(home, &binaries, lock.file())?;
        }
        let launcher = Launcher { program, binaries, settings };
        let mut pauses = Pauses::new();
        loop {
            let begun = Instant::now();
            let ended = match self.start(home, &launcher, &lock) {
                Ok(None) => return Ok(()),
                Ok(Some(run)) => Ok(self.wait_for_end(home, run)),
                Err(error) => Err(error),
            };
            let State { is_stopping, has_started, .. } = *self.state();
            if is_stopping {
                return Ok(());
            }
            if !has_started {
                return Err(ended.err().unwrap_or_else(|| EmbeddedError::Stopped { log: home.log() }));
            }
            let pause = pauses.next(begun.elapsed());
            if pauses.is_report_due() {
                let how = ended.unwrap_or_else(|error| error.to_string());
                let log = home.log();
                log::warn!(
                    "the private PostgreSQL has ended ({how}), it is started again in {pause:?}; see {}",
                    log.display()
                );
            }
            if self.is_stopped_within(pause) {
                return Ok(());
            }
        }
    }

    /// `None` where it is stopped meanwhile.
    fn take_lock(&self, home: &Home) -> Result<Option<HomeLock>, EmbeddedError> {
        let path = home.lock();
        let mut lock = HomeLock::open(&path)?;
        let begun = Instant::now();
        while !lock.try_take(&path)? {
            if begun.elapsed() > HANDOVER {
                return Err(EmbeddedError::InUse(home.dir.clone()));
            }
            let holder = lock.holder().map_or_else(String::new, |pid| format!(" (process {pid})"));
            let dir = home.dir.display();
            self.enter(Phase::Waiting(format!(
                "another instance{holder} or its PostgreSQL to leave {dir}, for up to {HANDOVER:?}"
            )));
            if self.is_stopped_within(LOCK_POLL) {
                return Ok(None);
            }
        }
        Ok(Some(lock))
    }

    /// `None` where it is stopped meanwhile.
    fn start(&self, home: &Home, launcher: &Launcher, lock: &HomeLock) -> Result<Option<Run>, EmbeddedError> {
        at(&home.cluster, remove_stale(&home.cluster))?;
        let mut state = self.state();
        if state.is_stopping {
            return Ok(None);
        }
        let (server, processes) = launcher.start(home, lock.file())?;
        let run = Run { pid: server.pid(), processes };
        state.server = Some(server);
        state.phase = Phase::Running;
        Ok(Some(run))
    }

    /// Waits for the end of all processes of the run; how the first of them ended.
    fn wait_for_end(&self, home: &Home, run: Run) -> String {
        // The exit status stays where it is, and the process id with it: a signal may be on its way.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut looked = Instant::now();
        while matches!(waitid(WaitId::Pid(run.pid), options), Ok(None) | Err(Errno::INTR)) {
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.hasten(home);
            }
            thread::sleep(RUN_POLL);
        }
        let status = self.state().server.take().map(|mut server| server.collect());
        run.processes.wait();
        match status {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => error.to_string(),
            None => String::new(),
        }
    }

    /// Somebody else may have asked PostgreSQL to stop as soon as all sessions have ended (SIGTERM). It accepts no new ones
    /// then, and the service ends none: the sooner it has stopped, the sooner it is started again.
    fn hasten(&self, home: &Home) {
        let mut state = self.state();
        if !state.is_stopping
            && is_stopping(&home.cluster)
            && let Some(server) = &mut state.server
            && let Err(error) = server.interrupt()
        {
            log::warn!("the private PostgreSQL cannot be interrupted: {error}");
        }
    }

    fn is_stopped_within(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), pause, |state| !state.is_stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_stopping
    }

    fn enter(&self, phase: Phase) {
        self.state().phase = phase;
        self.changed.notify_all();
    }

    /// Each change of the state is one step: a panic of another thread leaves nothing half-done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Pauses {
    next: Duration,
    reported: Option<Instant>,
}

impl Pauses {
    const fn new() -> Self {
        Self { next: FIRST_PAUSE, reported: None }
    }

    /// Before the next run, behind one that lasted for so long.
    fn next(&mut self, lasted: Duration) -> Duration {
        if lasted >= STABLE_AFTER {
            *self = Self::new();
        }
        let pause = self.next;
        self.next = (pause * 2).min(LAST_PAUSE);
        pause
    }

    fn is_report_due(&mut self) -> bool {
        let is_due = self.reported.is_none_or(|reported| reported.elapsed() >= REPORT_EVERY);
        if is_due {
            self.reported = Some(Instant::now());
        }
        is_due
    }
}
