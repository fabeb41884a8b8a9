//! Login method `iam`: a request to AWS for one's own identity, signed here and sent there by Vault.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result, SecretBytes, SecretKeySelector};
use strongroom_provider_kit::aws_signature::{AwsKeys, AwsRequest};
use strongroom_provider_kit::http::Answer;

use super::text;
use crate::api::Api;
use crate::config::{Iam, IamSecretRef};
use crate::path::LogicalPath;

/// What is asked of AWS.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The region whose service has the name without a region.
const DEFAULT_REGION: &str = "us-east-1";

pub(super) struct IamLogin {
    mount: LogicalPath,
    role: String,
    region: String,
    server_id: Option<String>,
    keys: IamSecretRef,
}

impl IamLogin {
    pub(super) fn new(settings: Iam) -> Result<Self> {
        let invalid = |what: String| Error::new(ErrorKind::InvalidConfig, "log in", format!("iam.{what}"));
        let path = settings.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("aws");
        let mount = LogicalPath::parse(path).map_err(|fault| invalid(format!("path: {fault}")))?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self {
            mount,
            role: settings.vault_role,
            region: filled(settings.region).unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            server_id: filled(settings.vault_aws_iam_server_id),
            keys: settings.secret_ref.ok_or_else(|| invalid("secretRef: missing".to_owned()))?,
        })
    }

    pub(super) async fn log_in(&self, api: &Api, resolver: &dyn Resolver) -> Result<Answer> {
        let keys = self.keys(resolver).await?;
        let host = host(&self.region);
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(self.server_id.as_deref().map(|id| ("x-vault-aws-iam-server-id", id)));
        let request = AwsRequest {
            host: &host,
            path: "/",
            region: &self.region,
            service: "sts",
            headers: &headers,
            body: BODY.as_bytes(),
            at: api.clock.now(),
        };
        // Vault takes each header's values as a list.
        let signed = request.signed_headers(&keys).into_iter().map(|(name, value)| (name, [value]));
        let headers = json!(signed.collect::<BTreeMap<_, _>>()).to_string();
        let body = json!({
            "role": self.role,
            "iam_http_request_method": "POST",
            "iam_request_url": STANDARD.encode(format!("https://{host}/")),
            "iam_request_body": STANDARD.encode(BODY),
            "iam_request_headers": STANDARD.encode(headers),
        });
        api.log_in_with(&self.mount, Some(&self.role), body.to_string().into()).await
    }

    async fn keys(&self, resolver: &dyn Resolver) -> Result<AwsKeys> {
        let read = async |selector: &Option<SecretKeySelector>, what: &str| match selector {
            Some(selector) => Ok(Some(text(&resolver.secret(selector, None).await?, what)?)),
            None => Ok::<_, Error>(None),
        };
        let missing = |what: &str| {
            Error::new(ErrorKind::InvalidConfig, "log in", format!("iam.secretRef.{what}: missing"))
        };
        let id = read(&self.keys.access_key_id, "access key ID").await?;
        let secret = read(&self.keys.secret_access_key, "secret access key").await?;
        Ok(AwsKeys {
            id: id.ok_or_else(|| missing("accessKeyIDSecretRef"))?,
            secret: secret.ok_or_else(|| missing("secretAccessKeySecretRef"))?.into(),
            session_token: read(&self.keys.session_token, "session token").await?.map(SecretBytes::from),
        })
    }
}

/// Where AWS answers in `region`.
fn host(region: &str) -> String {
    match region {
        DEFAULT_REGION => "sts.amazonaws.com".to_owned(),
        region if region.starts_with("cn-") => format!("sts.{region}.amazonaws.com.cn"),
        region => format!("sts.{region}.amazonaws.com"),
    }
}
