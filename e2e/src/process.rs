//! A server process that ends when the test process ends, however that ends.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Context, Result, ensure};

/// Starts the server, tells its pid, waits until the pipe on its standard input closes, and ends the server. The pipe
/// closes when [`GuardedProcess`] is dropped and also when the test process panics, exits or is killed.
const GUARD: &str = r#"
log="$1"; shift
"$@" >>"$log" 2>&1 </dev/null &
server=$!
echo "$server"
exec >/dev/null
cat >/dev/null
kill -TERM "$server" 2>/dev/null
( sleep 10; kill -KILL "$server" 2>/dev/null ) &
impatience=$!
wait "$server"
kill "$impatience" 2>/dev/null
"#;

/// A running server. Dropping it ends the server and waits for that.
#[derive(Debug)]
pub struct GuardedProcess {
    guard: Child,
    pid: u32,
}

impl GuardedProcess {
    /// Starts `program`, with its output appended to the file `log`.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &OsStr)],
        log: &Path,
    ) -> Result<Self> {
        ensure!(program.is_file(), "{} is not there: build it first", program.display());
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(log)
            .arg(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .process_group(0) // so that an interrupt from the terminal leaves the guard alive to do its work
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let output = guard.stdout.take().context("the guard has no standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let pid = line.trim().parse().with_context(|| format!("{} did not start", program.display()))?;
        Ok(Self { guard, pid })
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the server as a crash would (SIGKILL).
    pub fn kill(self) -> Result<()> {
        let status = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status()?;
        ensure!(status.success(), "process {} was not there to be killed", self.pid);
        Ok(())
    }
}

impl Drop for GuardedProcess {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// Ports below those that systems give to outgoing connections: one of these could be taken before it is listened on.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// Vault listens on the port above each of its own, too.
const APART: u16 = 2;

/// A port of 127.0.0.1 that nobody listens on, and that this process has not given away lately.
pub fn free_port() -> Result<u16> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let count = (PORTS.end - PORTS.start) / APART;
    // Test programs that run at once begin at different places.
    let first = u16::try_from(std::process::id() % u32::from(count))?;
    let mut tried = (0..count).map(|_| {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed) % count;
        PORTS.start + (first + given) % count * APART
    });
    let free = tried.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.context("every port that a test may listen on is taken")
}

/// The program name of a running process, or nothing when there is no such process (or only its exit status is left).
pub fn running(pid: u32) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("State:")?.starts_with('Z') { None } else { field("Name:").map(str::to_owned) }
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> GuardedProcess {
        GuardedProcess::start(Path::new("/bin/sleep"), &["300"], &[], Path::new("/dev/null")).unwrap()
    }

    #[test]
    fn ports_are_given_once_and_the_next_one_to_nobody() {
        let ports: Vec<_> = (0..50).map(|_| free_port().unwrap()).collect();
        let near = |port: &u16| {
            ports.contains(&(port + 1)) || ports.iter().filter(|other| *other == port).count() > 1
        };
        assert!(!ports.iter().any(near), "{ports:?}");
    }

    #[test]
    fn a_dropped_server_has_ended() {
        let server = sleeper();
        let pid = server.pid();
        // By name it may still be the shell that is about to become the server.
        assert!(running(pid).is_some());
        drop(server);
        assert_eq!(running(pid), None);
    }

    #[test]
    fn a_killed_server_has_ended() {
        let server = sleeper();
        let pid = server.pid();
        server.kill().unwrap();
        assert_eq!(running(pid), None);
    }
}
