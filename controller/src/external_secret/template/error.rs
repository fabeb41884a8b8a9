//! `TemplateFault`: why a template gives no content; begins as upstream's event does, and holds no value.

use strongroom_templating::YamlFault;
use strongroom_templating::transform::decode::DecodeError;

use crate::kube_io::ApiError;

/// Why a template gives no content. Names keys and places, never a value.
#[derive(Debug, thiserror::Error)]
pub enum TemplateFault {
    /// An object of `templateFrom` does not exist, or must not be read.
    #[error("error fetching templateFrom data: {resource} {name:?} not found")]
    NoObject {
        /// `configmaps` or `secrets`
        resource: &'static str,
        /// Its name.
        name: String,
    },
    /// It exists, and has no such key.
    #[error("error fetching templateFrom data: error in {resource} {name}: missing key {key}")]
    NoKey {
        /// `configmap` or `secret`
        resource: &'static str,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
    /// It could not be read.
    #[error("error fetching templateFrom data: {0}")]
    Unread(Box<ApiError>),
    /// A text is no template.
    #[error("could not execute template: unable to parse template at key {key}: {error}")]
    Parse {
        /// Which template.
        key: String,
        /// What is wrong.
        error: String,
    },
    /// A template cannot be rendered with this data.
    #[error("could not execute template: unable to execute template at key {key}: {error}")]
    Execute {
        /// Which template.
        key: String,
        /// What is wrong.
        error: String,
    },
    /// A rendered text is not the mapping that it should be.
    #[error(
        "error fetching templateFrom data: {place}: could not unmarshal template to 'map[string][]byte': {fault}"
    )]
    NoMapping {
        /// Which template.
        place: String,
        /// What is wrong.
        fault: YamlFault,
    },
    /// A rendered value cannot be decoded as asked.
    #[error("failed to decode rendered template value for key {key}: {error}")]
    Decode {
        /// The value's key.
        key: String,
        /// What is wrong.
        error: DecodeError,
    },
    /// The template asks for what a Secret must not be.
    #[error("{0}")]
    Refused(String),
}
