//! The endpoint: one route, answers in JSON, nothing remembered between requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::admission::{self, Refusal};
use super::bucket::Bucket;
use super::wish::Wish;
use super::{Listener, Outcome, select};
use crate::context::Context;

/// The most that a body may hold.
const BODY_CAP: usize = 64 * 1024;
/// One request takes no longer.
const LIMIT: Duration = Duration::from_secs(20);

/// What the endpoint needs.
#[derive(Debug)]
pub struct Api {
    /// What the objects are found in.
    pub context: Arc<Context>,
    /// Whom tokens must be meant for; the API server where there are none.
    pub audiences: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    api: Api,
    bucket: Bucket,
}

/// Serves until dropped.
pub async fn serve(listener: Listener, api: Api) -> anyhow::Result<()> {
    let router = router(api);
    axum::serve(listener, router).await.context("serving the refresh endpoint")
}

fn router(api: Api) -> Router {
    let shared = Arc::new(Shared { api, bucket: Bucket::default() });
    Router::new().route("/v1/refresh", post(refresh)).with_state(shared)
}

async fn refresh(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answered = tokio::time::timeout(LIMIT, answer(&shared, request)).await;
    let (outcome, matched) = match answered {
        Ok(Ok(matched)) => (Outcome::Accepted, Ok(matched)),
        Ok(Err(refusal)) => (refusal.outcome, Err(refusal.message)),
        Err(_) => (Outcome::Unavailable, Err(format!("no answer within {} s", LIMIT.as_secs()))),
    };
    shared.api.context.metrics.refresh_requested(outcome, matched.as_ref().copied().unwrap_or_default());
    let body = match matched {
        Ok(matched) => json!({ "matched": matched }),
        Err(message) => json!({ "error": message }),
    };
    response(outcome, &body)
}

async fn answer(shared: &Shared, request: Request) -> Result<usize, Refusal> {
    let refused = |outcome, message: &str| Refusal { outcome, message: message.to_owned() };
    let context = &shared.api.context;
    if !context.leads.load(Ordering::Relaxed) {
        let message = "this replica does not lead; try again, another one may answer";
        return Err(refused(Outcome::NotLeading, message));
    }
    if shared.bucket.take().is_err() {
        return Err(refused(Outcome::Throttled, "too many requests; try again in a second"));
    }
    let Some(token) = bearer(request.headers()) else {
        let message = "a token is needed: Authorization: Bearer TOKEN";
        return Err(refused(Outcome::Unauthenticated, message));
    };
    let user = admission::user(context, &token, &shared.api.audiences).await?;
    let body = to_bytes(request.into_body(), BODY_CAP).await;
    let body = body.map_err(|_| refused(Outcome::Invalid, "the body is larger than 64 KiB, or broke off"))?;
    let wish = Wish::of(&body).map_err(|fault| refused(Outcome::Invalid, &fault))?;
    admission::permitted(context, &user, &wish).await?;
    let matched = select::ask(context, &wish).await;
    let store = wish.store.as_ref().map(ToString::to_string).unwrap_or_default();
    tracing::info!(user = user.name, store, keys = wish.keys.len(), matched, "a refresh was asked for");
    Ok(matched)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn response(outcome: Outcome, body: &Value) -> Response {
    let (status, retry_after) = match outcome {
        Outcome::Accepted => (StatusCode::ACCEPTED, None),
        Outcome::Invalid => (StatusCode::BAD_REQUEST, None),
        Outcome::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
        Outcome::Denied => (StatusCode::FORBIDDEN, None),
        Outcome::Throttled => (StatusCode::TOO_MANY_REQUESTS, Some("1")),
        Outcome::NotLeading | Outcome::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some("1")),
    };
    let body = ([(header::CONTENT_TYPE, "application/json")], format!("{body}\n"));
    let mut response = (status, body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        let scheme = header::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

#[cfg(test)]
mod tests;
