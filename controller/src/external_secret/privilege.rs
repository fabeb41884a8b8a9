//! Refuses Secrets that would make somebody else of their author, whatever path made them so (spec eso-core 1.7).

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use strongroom_crds::names;

use crate::error::Refusal;

/// Looks at the Secret as it is about to be written. A token Secret lets its author act as a ServiceAccount of
/// their choice, a bootstrap token as a new node: the controller must not write with its own rights what the author
/// of the ExternalSecret may not.
///
/// # Errors
/// A bootstrap token, and a token Secret that would name a ServiceAccount it does not name yet.
pub(super) fn check(existing: Option<&Secret>, new: &Secret) -> Result<(), Refusal> {
    match new.type_.as_deref() {
        Some(names::SECRET_TYPE_BOOTSTRAP_TOKEN) => Err(Refusal::Privileged(format!(
            "a Secret of type {:?} is not allowed",
            names::SECRET_TYPE_BOOTSTRAP_TOKEN
        ))),
        Some(names::SECRET_TYPE_SERVICE_ACCOUNT_TOKEN)
            if account(new).is_some() && account(new) != existing.and_then(account) =>
        {
            Err(Refusal::Privileged(format!(
                "a Secret of type {:?} with annotation {:?} is not allowed",
                names::SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
                names::ANNOTATION_SERVICE_ACCOUNT_NAME
            )))
        }
        Some(_) | None => Ok(()),
    }
}

fn account(secret: &Secret) -> Option<&String> {
    secret.annotations().get(names::ANNOTATION_SERVICE_ACCOUNT_NAME)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(type_: &str, account: Option<&str>) -> Secret {
        let annotations = account.map(|name| json!({ names::ANNOTATION_SERVICE_ACCOUNT_NAME: name }));
        serde_json::from_value(json!({ "metadata": { "annotations": annotations }, "type": type_ })).unwrap()
    }

    #[test]
    fn a_bootstrap_token_is_never_written() {
        let token = secret(names::SECRET_TYPE_BOOTSTRAP_TOKEN, None);
        assert!(check(None, &token).is_err());
        assert!(check(Some(&token), &token).is_err());
    }

    #[test]
    fn a_token_secret_never_comes_to_name_a_service_account() {
        const TOKEN: &str = names::SECRET_TYPE_SERVICE_ACCOUNT_TOKEN;
        let plain = secret(TOKEN, None);
        let robot = secret(TOKEN, Some("robot"));
        let admin = secret(TOKEN, Some("admin"));
        assert!(check(None, &robot).is_err());
        assert!(check(Some(&plain), &robot).is_err());
        assert!(check(Some(&robot), &admin).is_err());
        assert_eq!(check(None, &plain), Ok(()));
        assert_eq!(check(Some(&robot), &robot), Ok(()), "what somebody else made so may be added to");
        assert_eq!(check(None, &secret("Opaque", Some("robot"))), Ok(()), "an annotation alone does nothing");
    }
}
