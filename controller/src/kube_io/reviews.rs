//! Who a caller is, and what they may do: asked of the API server, never remembered.

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use super::requests::bounded;
use super::{ApiError, Cluster};

/// Somebody whom the API server knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The name, as audit logs and role bindings have it.
    pub name: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<std::collections::BTreeMap<String, Vec<String>>>,
}

/// A right on a kind of the group `external-secrets.io`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// What may be done.
    pub verb: &'static str,
    /// The kind, in the plural.
    pub resource: &'static str,
    /// Where; empty for a kind of the whole cluster.
    pub namespace: String,
    /// The one object; empty for all.
    pub name: String,
}

impl Cluster {
    /// Who presents `token`, which must be meant for one of `audiences` (the API server's own where there are none);
    /// `None` where the token is no good.
    pub async fn user_of(&self, token: String, audiences: &[String]) -> Result<Option<User>, ApiError> {
        let wanted = Some(audiences.to_vec()).filter(|audiences| !audiences.is_empty());
        let spec = TokenReviewSpec { token: Some(token), audiences: wanted };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.client());
        let params = PostParams::default();
        let answer = bounded("review", || "a token".to_owned(), api.create(&params, &review)).await?;
        let Some(status) = answer.status else { return Ok(None) };
        // An API server that does not know audiences answers without any: its word is not for us then.
        let ours = audiences.is_empty()
            || status.audiences.iter().flatten().any(|audience| audiences.contains(audience));
        let known =
            status.authenticated == Some(true) && status.error.as_deref().unwrap_or_default().is_empty();
        let user = status.user.filter(|_| known && ours);
        Ok(user.and_then(|user| {
            let name = user.username.filter(|name| !name.is_empty())?;
            Some(User { name, uid: user.uid, groups: user.groups, extra: user.extra })
        }))
    }

    /// Whether `user` has `right`.
    pub async fn may(&self, user: &User, right: &Right) -> Result<bool, ApiError> {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let attributes = ResourceAttributes {
            group: Some(strongroom_crds::names::GROUP.to_owned()),
            version: Some(strongroom_crds::names::VERSION.to_owned()),
            resource: Some(right.resource.to_owned()),
            verb: Some(right.verb.to_owned()),
            namespace: filled(&right.namespace),
            name: filled(&right.name),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: user.groups.clone(),
            extra: user.extra.clone(),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let api: Api<SubjectAccessReview> = Api::all(self.client());
        let params = PostParams::default();
        let answer = bounded("review", || "a right".to_owned(), api.create(&params, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}
