//! `GeneratorError`: why a generator gave nothing that can be used.

use std::fmt;
use std::sync::Arc;

use strongroom_provider_api::{Error, ErrorKind};

use crate::kube_io::ApiError;

/// Why a generator gave nothing that can be used. `Display` begins as upstream's text.
#[derive(Clone, Debug)]
pub enum GeneratorError {
    /// There is none of that name.
    Absent,
    /// The API server did not give it.
    Unreadable(ApiError),
    /// It can never work as it is written.
    Invalid(String),
    /// Its kind is not built in; the text names those that are.
    NotBuiltIn(String),
    /// It could not connect, or not generate.
    Failed(Arc<Error>),
    /// What it gave cannot be put into a Secret.
    Data(String),
    /// What it gave could not be remembered.
    Unrecorded(ApiError),
}

impl GeneratorError {
    /// What was being done, in upstream's words.
    pub(crate) fn stage(&self) -> &'static str {
        match self {
            Self::Absent | Self::Unreadable(_) | Self::Invalid(_) | Self::NotBuiltIn(_) => {
                "unable to get generator: "
            }
            Self::Failed(_) => "error using generator: ",
            Self::Unrecorded(_) => "unable to set generator state: ",
            Self::Data(_) => "",
        }
    }

    /// Our finer reason.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "GeneratorMissing",
            Self::Unreadable(_) => "GeneratorUnreadable",
            Self::Invalid(_) => "InvalidGenerator",
            Self::NotBuiltIn(_) => ErrorKind::Unsupported.reason(),
            Self::Failed(error) if error.kind() == ErrorKind::InvalidConfig => "InvalidGenerator",
            Self::Failed(error) => error.kind().reason(),
            Self::Data(_) => ErrorKind::InvalidPayload.reason(),
            Self::Unrecorded(_) => "WriteFailed",
        }
    }
}

impl fmt::Display for GeneratorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it does not exist"),
            Self::Unreadable(error) | Self::Unrecorded(error) => error.fmt(f),
            Self::Invalid(message) | Self::Data(message) => f.write_str(message),
            Self::NotBuiltIn(known) => {
                write!(f, "generators of this kind are not built in; built in: {known}")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}
