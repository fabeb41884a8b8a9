//! The `strongroom` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom_controller::app::run()
}
