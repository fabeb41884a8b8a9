//! Decides whether the Go toolchain is good enough to build the servers, and says what is missing.

use std::process::Command;

use anyhow::{Result, bail};

/// The oldest Go release (major, minor) that builds the pinned Kubernetes.
const OLDEST_GO: (u32, u32) = (1, 26);

/// Fails with what to install if Go is missing or too old.
pub(crate) fn require_go() -> Result<()> {
    let (major, minor) = OLDEST_GO;
    let need = format!(
        "Go {major}.{minor} or newer is needed to build the test bed's servers (etcd, Kubernetes, Vault), once per \
         machine. Get it at https://go.dev/doc/install or from your package manager, and put `go` in PATH."
    );
    let Ok(output) = Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output()
    else {
        bail!("`go` was not found in PATH. {need}");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    match release(text.trim()) {
        Some(found) if found >= OLDEST_GO => Ok(()),
        _ => bail!("`go` is {}. {need}", if text.trim().is_empty() { "broken" } else { text.trim() }),
    }
}

/// Major and minor number of a name such as `go1.26.8` or `go1.27rc1`.
fn release(name: &str) -> Option<(u32, u32)> {
    let (major, rest) = name.strip_prefix("go")?.split_once('.')?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_name_is_read() {
        assert_eq!(release("go1.26.8"), Some((1, 26)));
        assert_eq!(release("go1.27rc1"), Some((1, 27)));
        assert_eq!(release("go2.0"), Some((2, 0)));
        assert_eq!(release("devel +abc"), None);
    }
}
