//! The generator VaultCertificate: a certificate of Vault's PKI engine with its key, replaced before it ends.

mod csr;
mod der;
mod issued;
mod key;
mod lifetime;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use strongroom_provider_api::{
    Error, ErrorKind, Generated, Generator, GeneratorClient, Lease, LeaseEnd, OWN_GENERATORS, Resolver,
    Result, Stability, Toolbox, Violation,
};

use crate::api::{Logical, Verb};
use crate::config::VaultConfig;
use crate::engine::{self, Answered, Engine, ResultType, answer};
use crate::path::LogicalPath;
use csr::Subject;
use issued::Issued;
pub use key::{Algorithm, PrivateKey};

/// Where the PKI engine usually is.
const MOUNT: &str = "pki";

/// What stands between mount and serial number in the name under which a certificate is recorded. No lease of Vault's
/// looks so: theirs go on after `issue` or `sign`.
const SERIAL: &str = "/cert/";

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct VaultCertificate;

/// The `spec` of a VaultCertificate.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSpec {
    /// Class of the controllers that use it. Absent or empty means every one.
    pub controller: Option<String>,
    /// The server and the login, as in a store.
    #[schemars(with = "VaultConfig")]
    pub provider: Value,
    /// Mount path of the PKI engine: `pki` where absent.
    pub mount: Option<String>,
    /// The role.
    pub role: String,
    /// Which of the engine's issuers; its default one where absent.
    pub issuer_ref: Option<String>,
    /// `Issue` (the default): Vault makes the key. `Sign`: the key is made here, and Vault never sees it.
    #[serde(default)]
    pub method: Method,
    /// The key, with `method: Sign`. With `Issue` the role says which.
    pub private_key: Option<PrivateKey>,
    /// The common name.
    pub common_name: Option<String>,
    /// DNS names and e-mail addresses besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alt_names: Vec<String>,
    /// IP addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ip_sans: Vec<String>,
    /// URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uri_sans: Vec<String>,
    /// Other names, each `OID;UTF8:VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_sans: Vec<String>,
    /// User ids in the subject.
    #[serde(default, rename = "userIDs", skip_serializing_if = "Vec::is_empty")]
    pub user_ids: Vec<String>,
    /// For how long, for example `72h` or `30d`; the role says where absent.
    pub ttl: Option<String>,
    /// Until when, in place of `ttl`, for example `2030-01-31T00:00:00Z`.
    pub not_after: Option<String>,
    /// Form of `certificate`, `private_key`, `issuing_ca` and `ca_chain`: `pem` (the default), `der` (base64) or
    /// `pem_bundle`. `tls.crt`, `tls.key` and `ca.crt` are PEM always.
    #[serde(default)]
    pub format: Format,
    /// `der` (RSA and EC keys in their own form) or `pkcs8`. With `method: Sign` it is `pkcs8`, with `Issue` the engine's
    /// own choice where absent.
    pub private_key_format: Option<KeyFormat>,
    /// Leaves the common name out of the subject's other names.
    #[serde(default, rename = "excludeCNFromSans", skip_serializing_if = "std::ops::Not::not")]
    pub exclude_cn_from_sans: bool,
    /// So long before its end it is replaced, for example `24h`; a third of its life where absent. Never before half of
    /// its life.
    pub expiry_offset: Option<String>,
    /// Whether a certificate is revoked when another has taken its place, or its ExternalSecret goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoke: bool,
}

/// Who makes the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Method {
    /// Vault.
    #[default]
    Issue,
    /// We do.
    Sign,
}

/// Form of Vault's own fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Format {
    /// PEM.
    #[default]
    #[serde(rename = "pem")]
    Pem,
    /// DER in base64.
    #[serde(rename = "der")]
    Der,
    /// PEM, with key and chain beside the certificate.
    #[serde(rename = "pem_bundle")]
    PemBundle,
}

/// Form of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum KeyFormat {
    /// As the algorithm has it.
    #[serde(rename = "der")]
    Der,
    /// PKCS #8.
    #[serde(rename = "pkcs8")]
    Pkcs8,
}

/// By hand: documented variants would become a `oneOf` of `const`, which a CRD cannot hold.
macro_rules! texts {
    ($($name:ident: $($text:literal),+;)+) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }
    )+};
}

texts! {
    Method: "Issue", "Sign";
    Format: "pem", "der", "pem_bundle";
    KeyFormat: "der", "pkcs8";
}

impl CertificateSpec {
    fn mount(&self) -> &str {
        self.mount.as_deref().unwrap_or(MOUNT)
    }

    fn path(&self) -> String {
        let action = match self.method {
            Method::Issue => "issue",
            Method::Sign => "sign",
        };
        let (mount, role) = (self.mount(), &self.role);
        match &self.issuer_ref {
            Some(issuer) => format!("{mount}/issuer/{issuer}/{action}/{role}"),
            None => format!("{mount}/{action}/{role}"),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            common_name: self.common_name.as_deref(),
            alt_names: &self.alt_names,
            ip_sans: &self.ip_sans,
            uri_sans: &self.uri_sans,
        }
    }

    /// What is asked for; PEM always.
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        let mut text = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                body.insert(name.to_owned(), value.into());
            }
        };
        text("common_name", self.common_name.as_deref());
        for (name, values) in [
            ("alt_names", &self.alt_names),
            ("ip_sans", &self.ip_sans),
            ("uri_sans", &self.uri_sans),
            ("other_sans", &self.other_sans),
            ("user_ids", &self.user_ids),
        ] {
            text(name, Some(&values.join(",")));
        }
        text("ttl", self.ttl.as_deref());
        text("not_after", self.not_after.as_deref());
        text("format", Some("pem"));
        let form = self.private_key_format.filter(|_| self.method == Method::Issue);
        text("private_key_format", form.map(KeyFormat::as_str));
        body.insert("exclude_cn_from_sans".to_owned(), self.exclude_cn_from_sans.into());
        body
    }
}

impl KeyFormat {
    fn as_str(self) -> &'static str {
        match self {
            Self::Der => "der",
            Self::Pkcs8 => "pkcs8",
        }
    }
}

#[async_trait]
impl Generator for VaultCertificate {
    const KIND: &'static str = "VaultCertificate";
    const GROUP: &'static str = OWN_GENERATORS;
    const STABILITY: Stability = Stability::Alpha;
    type Spec = CertificateSpec;

    fn validate(spec: &CertificateSpec) -> Vec<Violation> {
        let mut violations = engine::faults(&spec.provider);
        violations.extend(engine::path_fault("role", &spec.role));
        violations.extend(spec.mount.as_ref().and_then(|mount| engine::path_fault("mount", mount)));
        let issuer = spec.issuer_ref.as_ref();
        violations.extend(issuer.and_then(|issuer| engine::path_fault("issuerRef", issuer)));
        let mut fault = |is_wrong: bool, field: &str, message: &str| {
            if is_wrong {
                violations.push(Violation::new(field, message));
            }
        };
        let signs = spec.method == Method::Sign;
        fault(spec.ttl.is_some() && spec.not_after.is_some(), "notAfter", "takes no ttl beside it");
        fault(spec.private_key.is_some() && !signs, "privateKey", "is for method Sign only");
        let own_form = spec.private_key_format == Some(KeyFormat::Der);
        fault(signs && own_form, "privateKeyFormat", "is pkcs8 with method Sign");
        let offset = spec.expiry_offset.as_deref();
        let unread = offset.is_some_and(|text| lifetime::seconds(text).is_none());
        fault(unread, "expiryOffset", "is not a duration such as 90m or 30d");
        let others = spec.other_sans.iter().any(|text| csr::other_name(text).is_none());
        fault(others, "otherSans", "one of them is not OID;UTF8:VALUE");
        violations.extend(spec.private_key.as_ref().and_then(PrivateKey::fault));
        violations
    }

    fn controller_class(spec: &CertificateSpec) -> Option<&str> {
        spec.controller.as_deref()
    }

    fn connection(spec: &CertificateSpec) -> Value {
        spec.provider.clone()
    }

    async fn connect(
        spec: CertificateSpec,
        resolver: Arc<dyn Resolver>,
        toolbox: Toolbox,
    ) -> Result<Arc<dyn GeneratorClient<CertificateSpec>>> {
        Ok(Arc::new(Engine::connect(&spec.provider, &resolver, toolbox).await?))
    }
}

#[async_trait]
impl GeneratorClient<CertificateSpec> for Engine {
    async fn generate(&self, spec: &CertificateSpec) -> Result<Generated> {
        let path = LogicalPath::parse(&spec.path()).map_err(|fault| {
            Error::new(ErrorKind::InvalidConfig, "issue a certificate", fault.to_string())
        })?;
        self.certificate(spec, &path).await.map_err(|error| error.with_key(path.as_str()))
    }

    async fn revoke(&self, lease: &Lease) -> Result<()> {
        match lease.id.as_deref().and_then(|id| id.rsplit_once(SERIAL)) {
            Some((mount, serial)) => {
                match self.carry_out(&Logical::revoke_certificate(mount, serial)).await {
                    // Vault has not kept it (`no_store`), or has tidied it away: there is nothing to revoke.
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                    Ok(()) | Err(_) => Ok(()),
                }
            }
            // A role with `generate_lease`.
            None => Self::revoke(self, lease).await,
        }
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl Engine {
    async fn certificate(&self, spec: &CertificateSpec, path: &LogicalPath) -> Result<Generated> {
        let mut body = spec.body();
        let ours = match spec.method {
            Method::Issue => None,
            Method::Sign => {
                let kind = spec.private_key.clone().unwrap_or_default().kind();
                // A large key takes its time, and this thread has other work.
                let made = tokio::task::spawn_blocking({
                    let spec = spec.clone();
                    move || csr::requested(kind, &spec.subject())
                });
                let failed = |_| Error::new(ErrorKind::Internal, "make a key", "no key could be made");
                let made = made.await.map_err(failed)??;
                body.insert("csr".to_owned(), json!(*issued::pem("CERTIFICATE REQUEST", made.csr)));
                Some((made.key, made.public, kind.algorithm))
            }
        };
        let request = Logical::generate(Verb::Write, path, None, Some(Value::Object(body)));
        let Some(answered) = self.lease(&request).await.map_err(explained)? else {
            return Err(engine::empty("Vault has nothing at this path: is it that of a PKI role?"));
        };
        let issued: Issued = answer::data(&answered.answer.body)?;
        let key_type = ours.as_ref().map_or("", |(_, _, algorithm)| algorithm.as_str());
        let ours = ours.as_ref().map(|(key, public, _)| (key.clone(), public.as_slice()));
        let bundle = issued.bundle(ours, key_type)?;
        let lease = lifetime(spec, &answered, &bundle.serial, bundle.expiration)?;
        Ok(Generated { fields: bundle.fields(spec.format)?, lease: Some(lease), ..Generated::default() })
    }
}

/// The life of a certificate, as it is recorded: it cannot be renewed, only replaced.
fn lifetime(spec: &CertificateSpec, answered: &Answered, serial: &str, expiration: i64) -> Result<Lease> {
    let Ok(expires) = jiff::Timestamp::from_second(expiration) else {
        return Err(engine::empty("Vault's answer says no end of the certificate"));
    };
    let offset = spec.expiry_offset.as_deref().and_then(lifetime::seconds);
    let replace = offset.map(|offset| lifetime::replaced(answered.asked, expires, offset));
    let id = Some(format!("{}{SERIAL}{serial}", spec.mount().trim_matches('/'))).filter(|_| spec.revoke);
    // A role with `generate_lease`: Vault revokes the certificate itself when the login ends.
    let leased = answered.lease(ResultType::Data);
    let (id, end, parent) = match leased {
        Some(lease) => (lease.id.filter(|_| spec.revoke), lease.expires.unwrap_or(expires), lease.parent),
        None => (id, expires, None),
    };
    Ok(Lease {
        id,
        issued: answered.asked,
        expires: Some(end.min(expires)),
        end: LeaseEnd::Fixed,
        replace,
        parent,
    })
}

/// Vault's own words may quote what was asked for.
fn explained(error: Error) -> Error {
    if error.kind() != ErrorKind::InvalidPayload {
        return error;
    }
    let message = "Vault refused the request (400): does the role allow these names, this lifetime and this kind of key?";
    Error::new(error.kind(), "issue a certificate", message)
}

#[cfg(test)]
mod tests;
