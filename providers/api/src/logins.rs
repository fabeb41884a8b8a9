//! `AllowedLogins`: which login methods stores may use, decided by whoever runs the controller.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

/// The login methods that may be used, as `provider/method` (`vault/kubernetes`). The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct AllowedLogins(Option<Arc<BTreeSet<String>>>);

impl AllowedLogins {
    /// Only these.
    pub fn only(names: impl IntoIterator<Item = String>) -> Self {
        Self(Some(Arc::new(names.into_iter().collect())))
    }

    /// # Errors
    /// `InvalidConfig` where `provider`'s login `method` is not among those that are allowed. A provider that never
    /// logs in has no method and needs no leave.
    pub fn check(&self, provider: &str, method: Option<&str>) -> Result<()> {
        let (Some(allowed), Some(method)) = (&self.0, method) else { return Ok(()) };
        let name = format!("{provider}/{method}");
        if allowed.contains(&name) {
            return Ok(());
        }
        let message =
            format!("the login method {name} is not allowed by this controller (--allowed-login-methods)");
        Err(Error::new(ErrorKind::InvalidConfig, "log in", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_allowed_and_without_a_list_everything() {
        let all = AllowedLogins::default();
        assert!(all.check("vault", Some("tokenSecretRef")).is_ok());
        let some = AllowedLogins::only(["vault/kubernetes".to_owned()]);
        assert!(some.check("vault", Some("kubernetes")).is_ok() && some.check("fake", None).is_ok());
        for (provider, method) in [("vault", "tokenSecretRef"), ("openBao", "kubernetes")] {
            let error = some.check(provider, Some(method)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.message().contains(&format!("{provider}/{method}")), "{error}");
        }
    }
}
