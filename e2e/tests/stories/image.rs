//! What goes into the image: the binary starts where there is nothing but what the base image has, with an empty
//! environment, and the Dockerfile and the chart agree about who runs it.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use strongroom_e2e::testbed::Testbed;

/// What the base image (distroless/cc) has of libraries: the C library, the loader, and the compiler's own.
const LIBRARIES: [&str; 8] = [
    "linux-vdso.so.1",
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "libgcc_s.so.1",
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
];

/// The libraries that the binary needs: the names and where they are here.
fn libraries(binary: &Path) -> Result<Vec<(String, Option<String>)>> {
    let output = Command::new("ldd").arg(binary).output().context("ldd")?;
    ensure!(output.status.success(), "ldd: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let library = |line: &str| {
        let line = line.trim();
        let name = line.split([' ', '\t']).next()?.to_owned();
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = path.split(" (").next().filter(|path| path.starts_with('/')).map(ToOwned::to_owned);
        Some((name, path))
    };
    Ok(text.lines().filter_map(library).collect())
}

/// A root folder as the Dockerfile's last stage makes it, with the base's libraries taken from this machine.
fn assembled(root: &Path, binary: &Path) -> Result<()> {
    fs::create_dir_all(root.join("usr/local/bin"))?;
    fs::copy(binary, root.join("usr/local/bin/strongroom"))?;
    for (name, path) in libraries(binary)? {
        let Some(path) = path else { continue };
        // Where the loader looks first of all: at its own path, and at that of the others on this machine.
        let to = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(&path, &to).with_context(|| format!("{name} at {path}"))?;
    }
    Ok(())
}

/// The repository's file `name`.
fn read(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

#[test]
fn the_binary_needs_only_libraries_that_the_base_image_has() -> Result<()> {
    let testbed = Testbed::from_environment()?;
    let needed = libraries(&testbed.strongroom)?;
    let foreign: Vec<_> = needed.iter().filter(|(name, _)| !LIBRARIES.contains(&name.as_str())).collect();
    assert!(foreign.is_empty(), "{foreign:?} are not in the base image");
    assert!(needed.iter().any(|(name, _)| name == "libc.so.6"), "{needed:?}");
    Ok(())
}

#[test]
fn the_binary_starts_in_an_empty_root_with_an_empty_environment() -> Result<()> {
    let testbed = Testbed::from_environment()?;
    let root = testbed.run_dir.join("image");
    assembled(&root, &testbed.strongroom)?;
    // A namespace of users of its own makes changing the root possible for whoever runs the tests.
    let may = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        eprintln!("skipped: unshare is not there, or not allowed");
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--root"]).arg(&root);
    command.args(["/usr/local/bin/strongroom", "controller"]).env_clear();
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It is there, reads its flags and binds its ports; there is no cluster in the folder.
    assert!(said.contains("no cluster"), "{said}");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--root"]).arg(&root);
    let output = command.args(["/usr/local/bin/strongroom", "crds"]).env_clear().output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && printed.contains("externalsecrets.external-secrets.io"), "{printed}");
    fs::remove_dir_all(root)?;
    Ok(())
}

#[test]
fn the_image_is_run_by_the_user_that_the_chart_names() -> Result<()> {
    let dockerfile = read("Dockerfile")?;
    let last = dockerfile.rsplit("\nFROM ").next().context("no stage")?;
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).context("no user")?;
    let (user, _) = user.split_once(':').context("no group")?;
    let values = read("charts/strongroom/values.yaml")?;
    ensure!(values.contains(&format!("runAsUser: {user}\n")), "the chart names another user than {user}");
    ensure!(last.contains(r#"ENTRYPOINT ["/usr/local/bin/strongroom"]"#), "{last}");
    ensure!(!last.contains("\nRUN "), "the last stage has no shell: {last}");
    let toolchain = read("rust-toolchain.toml")?;
    let release =
        dockerfile.split("rust:").nth(1).and_then(|rest| rest.split('-').next()).context("no release")?;
    ensure!(
        toolchain.contains(release),
        "the Dockerfile builds with {release}, the repository with {toolchain}"
    );
    Ok(())
}
