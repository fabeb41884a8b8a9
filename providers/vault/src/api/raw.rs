//! `Raw`: a request that vaultrs has no type for, or whose type would not keep every digit of a value.

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use strongroom_provider_api::SecretBytes;

/// A request: method, path below `/v1/`, body.
pub(super) struct Raw {
    method: RequestMethod,
    path: String,
    body: Option<SecretBytes>,
}

impl Raw {
    pub(super) fn get(path: String) -> Self {
        Self { method: RequestMethod::GET, path, body: None }
    }

    pub(super) fn post(path: String, body: SecretBytes) -> Self {
        Self { method: RequestMethod::POST, path, body: Some(body) }
    }

    pub(super) fn patch(path: String, body: SecretBytes) -> Self {
        Self { method: RequestMethod::PATCH, path, body: Some(body) }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: RequestMethod::DELETE, path, body: None }
    }
}

impl Endpoint for Raw {
    type Response = serde_json::Value;
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.as_ref().map(|body| body.expose().to_vec()))
    }
}
