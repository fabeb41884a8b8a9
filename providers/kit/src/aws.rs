//! What is asked of AWS: requests, signatures, the meaning of answers, and who asks (spec eso-providers C).

mod api;
mod fault;
mod identity;
mod service;
mod signature;
mod xml;

pub use api::{Api, Ask, sent};
pub use identity::{AwsSecretRef, Base, Granted, Identity, Role, form, session_keys};
pub use service::{
    ECR, ECR_PUBLIC, PARAMETER_STORE, Place, SECRETS_MANAGER, STS, STS_ENDPOINT, Service, is_region,
};
pub use signature::{AwsKeys, AwsRequest};
