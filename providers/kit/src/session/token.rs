//! `Token`: what a login gives.

use std::time::Duration;

use strongroom_provider_api::{Error, ErrorKind, Result, SecretBytes};

/// A login token: printable ASCII without spaces around it, wiped on drop.
#[derive(Clone, Debug)]
pub struct Token {
    text: SecretBytes,
    lifetime: Option<Duration>,
    renewable: bool,
    revocable: bool,
    name: Option<SecretBytes>,
}

impl Token {
    /// The token in `text`, which may have white space around it (files end with a newline). It lives until
    /// revoked and is not renewable.
    ///
    /// # Errors
    /// `InvalidConfig` where nothing is left, or a character is left that cannot stand in an HTTP header.
    pub fn new(text: &SecretBytes) -> Result<Self> {
        let trimmed = text.expose().trim_ascii();
        let fault = if trimmed.is_empty() {
            "the token is empty"
        } else if !trimmed.iter().all(u8::is_ascii_graphic) {
            "the token holds a space, a control character or a character outside ASCII"
        } else {
            return Ok(Self {
                text: trimmed.to_vec().into(),
                lifetime: None,
                renewable: false,
                revocable: true,
                name: None,
            });
        };
        Err(Error::new(ErrorKind::InvalidConfig, "log in", fault))
    }

    /// The same token, living for `lifetime` from now; zero is for ever.
    #[must_use]
    pub fn living(mut self, lifetime: Duration, renewable: bool) -> Self {
        self.lifetime = (!lifetime.is_zero()).then_some(lifetime);
        self.renewable = renewable;
        self
    }

    /// The token itself: visible ASCII.
    pub fn expose(&self) -> &str {
        self.text.expose_str().unwrap_or_default()
    }

    /// The same token, of a kind that the service cannot revoke: it ends by itself.
    #[must_use]
    pub fn irrevocable(mut self) -> Self {
        self.revocable = false;
        self
    }

    /// The same token, which the service knows by `name`, too: one that tells it, and with which nobody can log in. Empty
    /// is none.
    #[must_use]
    pub fn named(mut self, name: String) -> Self {
        self.name = Some(SecretBytes::from(name)).filter(|name| !name.is_empty());
        self
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().and_then(SecretBytes::expose_str)
    }

    /// How long it lives from when it was given or last renewed; `None` is for ever.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Whether the service says that its life can be prolonged.
    pub fn is_renewable(&self) -> bool {
        self.renewable
    }

    /// Whether the service can end it.
    pub fn is_revocable(&self) -> bool {
        self.revocable
    }
}
