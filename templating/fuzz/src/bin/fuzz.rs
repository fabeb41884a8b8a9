//! Entry point of the long run: libFuzzer with one target, named by the environment.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod run {
    use std::sync::LazyLock;

    use strongroom_templating_fuzz::{Target, target};

    static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "libFuzzer owns the command line")]
        let name = std::env::var("STRONGROOM_FUZZ_TARGET").expect("STRONGROOM_FUZZ_TARGET");
        target(&name).expect("a target")
    });

    libfuzzer_sys::fuzz_target!(|input: &[u8]| { (TARGET.run)(input) });
}

/// Without `--cfg fuzzing` there is nothing to run: `cargo xtask fuzz` sets it.
#[cfg(not(fuzzing))]
fn main() {}
