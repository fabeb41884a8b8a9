//! Opens the websocket of Vault's event stream: over the client's own HTTP, with its token, and nothing else.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Request};
use strongroom_provider_api::{Call, CallOutcome, Error, ErrorKind, Result};
use strongroom_provider_kit::http::{Connection, Upgrade};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::api::Api;
use crate::identity::Caller;
use crate::transport;

/// An event is some hundred bytes.
const MESSAGE_CAP: usize = 64 * 1024;
/// What an answer may hold that is given instead.
const ANSWER_CAP: usize = 64 * 1024;
/// What a server appends to the key before it hashes it (RFC 6455, section 1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPERATION: &str = "listen to Vault's events";

/// A socket that tells of changes in KV engines.
///
/// # Errors
/// `Unsupported` where this Vault has no event stream, `PermissionDenied` where the login may not listen; others as for
/// any call.
pub(crate) async fn open(caller: &Caller) -> Result<WebSocketStream<Connection>> {
    let held = caller.valid_token().await?;
    let api = &caller.api;
    let key = nonce()?;
    let request = request(api, held.as_ref().map(crate::identity::Valid::token), &key)?;
    let outcome = api.http.upgrade(OPERATION, request, ANSWER_CAP).await;
    let switched = matches!(outcome, Ok(Upgrade::Switched { .. }));
    let counted = if switched { CallOutcome::Success } else { CallOutcome::Error };
    api.meter.called(Call { service: crate::api::SERVICE, name: "SubscribeEvents" }, counted);
    match outcome? {
        Upgrade::Switched { headers, connection } => {
            if headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes) != Some(accept(&key).as_bytes()) {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    OPERATION,
                    "it is not a websocket that answers",
                ));
            }
            let config = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE_CAP))
                .max_frame_size(Some(MESSAGE_CAP));
            Ok(WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await)
        }
        Upgrade::Answered(answer) => match answer.status.as_u16() {
            // Without the feature there is no such path; some versions refuse the request as malformed.
            200..=299 | 400 | 404 | 405 | 501 => {
                let message = "this Vault has no event stream (Vault Enterprise 1.16 and newer have one)";
                Err(Error::new(ErrorKind::Unsupported, OPERATION, message))
            }
            403 => {
                let message = "the login may not read sys/events/subscribe/kv* (403)";
                Err(Error::new(ErrorKind::PermissionDenied, OPERATION, message))
            }
            _ => Err(api.refused(OPERATION, &answer)),
        },
    }
}

fn request(
    api: &Api,
    token: Option<&strongroom_provider_kit::session::Token>,
    key: &str,
) -> Result<Request<Vec<u8>>> {
    let unsendable =
        || Error::new(ErrorKind::InvalidConfig, OPERATION, "the request cannot be sent over HTTP");
    let uri = format!("{}{}/sys/events/subscribe/kv*?json=true", api.address.origin, api.address.prefix);
    let mut request = Request::get(uri).body(Vec::new()).map_err(|_| unsendable())?;
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(key).map_err(|_| unsendable())?);
    transport::identify(headers, token, api.namespace.as_deref()).map_err(|_| unsendable())?;
    Ok(request)
}

fn nonce() -> Result<String> {
    let mut bytes = [0; 16];
    let filled = rand::fill(&mut bytes);
    filled.map_err(|_| Error::new(ErrorKind::Internal, OPERATION, "there is no randomness"))?;
    Ok(STANDARD.encode(bytes))
}

/// What proves that the other side has read the key as one of a websocket.
fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_rfc_says() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_ne!(nonce().unwrap(), nonce().unwrap());
    }
}
