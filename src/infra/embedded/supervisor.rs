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
    pid_file::{is_stopping, remove_remnants},
    server::{Launcher, Processes, Server},
};

/// How long to wait for the PostgreSQL of an instance that was just killed.
const HANDOVER: Duration = Duration::from_secs(15);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How often to check whether PostgreSQL has ended.
const RUN_POLL: Duration = Duration::from_millis(100);
/// How often to check whether another process has requested its shutdown.
const SHUTDOWN_POLL: Duration = Duration::from_millis(500);

/// The pause before PostgreSQL starts again. It doubles from the first one to the last one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// After a run of this length, the pauses begin with the first one again.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// The interval of the warnings while PostgreSQL ends repeatedly.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// A thread that runs PostgreSQL, and starts it again when it ends unexpectedly.
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
    /// The current run, until its exit status is collected.
    server: Option<Server>,
    /// PostgreSQL has accepted a connection. From then on, the supervisor starts it again when it ends.
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
    /// The reason.
    Waiting(String),
    Running,
    Failed(EmbeddedError),
    Ended,
}

impl Supervisor {
    /// `program` is the program of the service, which also is the launcher.
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

    /// What the supervisor does now. It returns the error of a failed start only once.
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

    /// `stop` was called.
    pub(super) fn is_stopping(&self) -> bool {
        self.0.state().is_stopping
    }

    /// Stops PostgreSQL with a checkpoint. `true` if all its processes have ended within this time.
    pub(super) fn stop(&self, within: Duration) -> bool {
        let mut state = self.0.state();
        state.is_stopping = true;
        if let Some(server) = &mut state.server
            && let Err(error) = server.interrupt()
        {
            log::warn!("cannot interrupt the private PostgreSQL: {error}");
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
            self.enter(Phase::Waiting("initdb creates the files of the private PostgreSQL".to_owned()));
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
                    "the private PostgreSQL has ended ({how}) and starts again in {pause:?}; see {}",
                    log.display()
                );
            }
            if self.is_stopped_within(pause) {
                return Ok(());
            }
        }
    }

    /// `None` if `stop` is called meanwhile.
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
                "another instance{holder} or its PostgreSQL uses {dir}, the service waits for up to {HANDOVER:?}"
            )));
            if self.is_stopped_within(LOCK_POLL) {
                return Ok(None);
            }
        }
        Ok(Some(lock))
    }

    /// `None` if `stop` is called meanwhile.
    fn start(&self, home: &Home, launcher: &Launcher, lock: &HomeLock) -> Result<Option<Run>, EmbeddedError> {
        at(&home.cluster, remove_remnants(home))?;
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

    /// Waits until all processes of the run have ended. Returns how the first one ended.
    fn wait_for_end(&self, home: &Home, run: Run) -> String {
        // Does not collect the exit status: the run keeps its process id, which another thread may send a signal to.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let mut checked = Instant::now();
        while matches!(waitid(WaitId::Pid(run.pid), options), Ok(None) | Err(Errno::INTR)) {
            if checked.elapsed() >= SHUTDOWN_POLL {
                checked = Instant::now();
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

    /// Turns the smart shutdown (SIGTERM) that another process has requested into a fast one. In a smart shutdown PostgreSQL
    /// accepts no new sessions and waits for the end of the existing ones, which the service does not end.
    fn hasten(&self, home: &Home) {
        let mut state = self.state();
        if !state.is_stopping
            && is_stopping(&home.cluster)
            && let Some(server) = &mut state.server
            && let Err(error) = server.interrupt()
        {
            log::warn!("cannot interrupt the private PostgreSQL: {error}");
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

    /// Nothing while it is locked can leave it half changed: a poisoned lock is usable.
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

    /// The pause after a run that lasted for so long.
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
