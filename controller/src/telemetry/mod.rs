//! What the process tells about itself: metrics, logs, traces, and the audit trail.

mod audit;
mod labels;
mod logs;
mod metrics;
mod process;
mod register;
pub mod traces;
mod work;

pub use audit::{Action, Audit, AuditLog, Entry, Object, Outcome, Read, Target};
pub use logs::{LOG_LEVELS, LogFormat, LogLevel, start_logs};
pub use metrics::{Detail, Metrics, Totals};
pub use traces::{Flush, TraceSettings, Tracer, Traces};
