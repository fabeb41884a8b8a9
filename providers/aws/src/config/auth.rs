//! How a store or generator says who it is to AWS (spec eso-providers C.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_provider_api::{ServiceAccountSelector, Violation};
use strongroom_provider_kit::aws::AwsSecretRef;

/// How to log in: `jwt` wins over `secretRef`, and both over `controllerIdentity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuth {
    /// Keys in Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AwsSecretRef>,
    /// Tokens of a ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<AwsJwt>,
    /// The controller's own identity, if it is lent to stores like this one. Not of upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_identity: Option<ControllerIdentity>,
}

/// Asks for the controller's own identity: there is nothing to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControllerIdentity {}

/// Tokens of a ServiceAccount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsJwt {
    /// The ServiceAccount; its annotation `eks.amazonaws.com/role-arn` says which role it takes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountSelector>,
}

/// The login methods that settings can choose.
pub(crate) const LOGIN_METHODS: &[&str] = &["controllerIdentity", "jwt", "secretRef"];

/// What is said where no login is given. Upstream takes the controller's own identity then.
const MISSING: &str = "names neither jwt.serviceAccountRef nor secretRef: the controller's own AWS identity is used only \
                       where controllerIdentity asks for it";

/// Which of [`LOGIN_METHODS`] `auth` chooses.
pub(crate) fn login_method(auth: Option<&AwsAuth>) -> Option<&'static str> {
    let auth = auth?;
    match (&auth.jwt, &auth.secret_ref) {
        (Some(_), _) => Some("jwt"),
        (None, Some(_)) => Some("secretRef"),
        (None, None) => auth.controller_identity.as_ref().map(|_| "controllerIdentity"),
    }
}

/// The faults of `auth`, which stands in the field `auth`.
pub(crate) fn violations(auth: Option<&AwsAuth>) -> Vec<Violation> {
    let Some(auth) = auth else { return vec![Violation::new("auth", MISSING)] };
    match (&auth.jwt, &auth.secret_ref) {
        (Some(AwsJwt { service_account_ref: None }), _) => {
            vec![Violation::new("auth.jwt", "needs serviceAccountRef")]
        }
        (Some(_), _) => Vec::new(),
        (None, Some(keys)) => {
            let fields = [
                ("auth.secretRef.accessKeyIDSecretRef", &keys.access_key_id),
                ("auth.secretRef.secretAccessKeySecretRef", &keys.secret_access_key),
            ];
            let missing = fields.into_iter().filter(|(_, selector)| selector.is_none());
            missing.map(|(field, _)| Violation::new(field, "is needed")).collect()
        }
        (None, None) if auth.controller_identity.is_some() => Vec::new(),
        (None, None) => vec![Violation::new("auth", MISSING)],
    }
}
