//! Owns child processes: starts them, watches them, and ends every one of them by its own id.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::interrupt;

/// How long a child may take to end after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How often a waiting loop looks.
const POLL: Duration = Duration::from_millis(50);
/// How much of a failed program's log an error shows.
const TAIL_LINES: usize = 15;

/// A running server with its log file; it is stopped when this value is dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Group,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with its output in `<logs>/<name>.log`.
    pub(crate) fn start(name: &'static str, mut command: Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        send_output_to(&mut command, &log)?;
        Ok(Self { name, child: Group::start(&mut command)?, log })
    }

    /// Waits until `probe` says yes; fails with the end of the log if the server ends or the time is over.
    pub(crate) fn wait_ready(&mut self, limit: Duration, mut probe: impl FnMut() -> bool) -> Result<()> {
        let started = Instant::now();
        while !probe() {
            if let Some(status) = self.child.0.try_wait()? {
                bail!("{} ended at its start ({status}); {}", self.name, tail(&self.log));
            }
            if started.elapsed() > limit {
                bail!("{} was not ready within {} s; {}", self.name, limit.as_secs(), tail(&self.log));
            }
            interrupt::sleep(POLL)?;
        }
        Ok(())
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Ends it with SIGKILL, as a crash would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.signal(Signal::KILL);
        self.child.0.wait()?;
        Ok(())
    }

    /// An error with the end of the log if the server is no longer running.
    pub(crate) fn check_running(&mut self) -> Result<()> {
        match self.child.0.try_wait()? {
            Some(status) => bail!("{} ended ({status}); {}", self.name, tail(&self.log)),
            None => Ok(()),
        }
    }
}

/// Runs `command` to its end; `tick` is called while it runs. A signal to us ends it and everything it started.
pub(crate) fn run_to_end(command: &mut Command, mut tick: impl FnMut()) -> Result<ExitStatus> {
    let mut group = Group::start(command)?;
    loop {
        if let Some(status) = group.0.try_wait()? {
            return Ok(status);
        }
        interrupt::check()?;
        tick();
        thread::sleep(POLL);
    }
}

/// Like [`run_to_end`], with every line of the command's standard output given to `line` as it comes.
pub(crate) fn run_with_lines(command: &mut Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut group = Group::start(command.stdout(Stdio::piped()))?;
    let lines = lines_of(group.0.stdout.take().context("the output is piped")?);
    loop {
        interrupt::check()?;
        match lines.recv_timeout(POLL) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Timeout) => {
                // Something that the command left running may hold the pipe open for ever.
                if let Some(status) = group.0.try_wait()? {
                    for text in lines.try_iter() {
                        line(&text);
                    }
                    return Ok(status);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(group.0.wait()?),
        }
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let text = String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned();
            bytes.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Sends both output streams of `command` to the file `log`, and gives it no input.
pub(crate) fn send_output_to(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    Ok(())
}

/// The end of a log file, introduced by its path, for error messages.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    let last = lines.get(from..).unwrap_or_default().join("\n  ");
    format!("the end of {}:\n  {last}", log.display())
}

/// A child that leads a process group of its own, so that Ctrl-C reaches it through us, in our order, and its own
/// children end with it.
#[derive(Debug)]
pub(crate) struct Group(pub(crate) Child);

impl Group {
    /// Starts the command; a missing program is named in the error.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.process_group(0).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow::anyhow!("`{program}` is not installed (not found in PATH)"),
            _ => anyhow::anyhow!("cannot start `{program}`: {error}"),
        })?;
        Ok(Self(child))
    }

    fn signal(&self, signal: Signal) {
        // An id that does not fit or a group that is already gone needs no signal.
        if let Some(id) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(id, signal);
        }
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let started = Instant::now();
        while started.elapsed() < limit {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A child that was already waited for has given its id back to the system: it must not be signalled.
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        self.signal(Signal::TERM);
        if !self.ends_within(GRACE) {
            self.signal(Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("strongroom-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_dropped_server_is_gone_with_its_children() {
        let dir = scratch("drop");
        let server = Server::start("sleeper", shell("sleep 600 & echo $!; wait"), &dir).unwrap();
        let log = dir.join("sleeper.log");
        let mut grandchild = String::new();
        while grandchild.trim().is_empty() {
            grandchild = fs::read_to_string(&log).unwrap();
        }
        let pid = Pid::from_raw(grandchild.trim().parse().unwrap()).unwrap();
        assert!(rustix::process::test_kill_process(pid).is_ok());
        drop(server);
        let gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            let state = fs::read_to_string(format!("/proc/{}/stat", grandchild.trim())).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        });
        assert!(gone, "the grandchild is still running");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_server_that_ends_at_its_start_is_reported_with_its_log() {
        let dir = scratch("early");
        let mut server = Server::start("broken", shell("echo port is taken; exit 3"), &dir).unwrap();
        let error = server.wait_ready(Duration::from_secs(5), || false).unwrap_err().to_string();
        assert!(error.contains("broken ended") && error.contains("port is taken"), "{error}");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn lines_arrive_in_order_and_the_exit_code_is_kept() {
        let mut seen = Vec::new();
        let status =
            run_with_lines(&mut shell("echo one; echo two; exit 7"), |line| seen.push(line.to_owned()))
                .unwrap();
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    fn a_left_over_process_that_holds_the_output_does_not_hold_us() {
        let started = Instant::now();
        let mut seen = Vec::new();
        run_with_lines(&mut shell("sleep 20 & echo done"), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["done"]);
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run_to_end(&mut Command::new("no-such-program-here"), || ()).unwrap_err().to_string();
        assert!(error.contains("no-such-program-here"), "{error}");
    }
}
