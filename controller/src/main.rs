//! The `strongroom` binary.

use std::process::ExitCode;

/// A fifth of the processor time is spent on small blocks that live for one attempt.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    strongroom_controller::app::run()
}
