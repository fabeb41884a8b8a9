//! Login method `iam`: a request to AWS for one's own identity, signed here and sent there by Vault.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use strongroom_provider_api::{Error, ErrorKind, Resolver, Result};
use strongroom_provider_kit::aws::{Api as Aws, AwsRequest, Base, Identity, Role, STS, STS_ENDPOINT};
use strongroom_provider_kit::http::Answer;

use crate::api::Api;
use crate::config::Iam;
use crate::path::LogicalPath;

/// What is asked of AWS.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The region where there is none in the settings, and whose service Vault knows by a name without a region.
const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_ADDRESS: &str = "https://sts.amazonaws.com/";

/// Under this name sessions show in AWS's logs, as upstream's.
const SESSION_NAME: &str = "external-secrets-provider-vault";

pub(super) struct IamLogin {
    mount: LogicalPath,
    role: String,
    region: String,
    server_id: Option<String>,
    identity: Identity,
}

impl IamLogin {
    pub(super) fn new(settings: Iam, api: &Api, resolver: &Arc<dyn Resolver>) -> Result<Self> {
        let path = settings.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("aws");
        let mount = LogicalPath::parse(path).map_err(|fault| invalid(&format!("path: {fault}")))?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let account = settings.jwt.and_then(|jwt| jwt.service_account_ref);
        let base = match (account, settings.secret_ref) {
            (Some(account), _) => Base::Account(account),
            (None, Some(keys)) => Base::Keys(keys),
            (None, None) => return Err(invalid("secretRef: missing")),
        };
        let external_id = filled(settings.external_id);
        let role = filled(settings.role).map(|arn| Role { external_id, ..Role::plain(&arn) });
        let region = filled(settings.region).unwrap_or_else(|| DEFAULT_REGION.to_owned());
        Ok(Self {
            mount,
            role: settings.vault_role,
            server_id: filled(settings.vault_aws_iam_server_id),
            identity: Identity {
                api: Aws::new(&region, &api.toolbox)?,
                base,
                roles: role.into_iter().collect(),
                resolver: Arc::clone(resolver),
                session_name: SESSION_NAME,
                field: "auth.iam",
            },
            region,
        })
    }

    pub(super) async fn log_in(&self, api: &Api) -> Result<Answer> {
        let keys = self.identity.granted().await?.keys;
        let place = STS.place(&self.region, &api.toolbox.endpoints)?;
        let (host, path, address) = match api.toolbox.endpoints.get(STS_ENDPOINT) {
            None if self.region == DEFAULT_REGION => ("sts.amazonaws.com", "/", DEFAULT_ADDRESS.to_owned()),
            None | Some(_) => (place.host.as_str(), place.uri.path(), place.uri.to_string()),
        };
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(self.server_id.as_deref().map(|id| ("x-vault-aws-iam-server-id", id)));
        let request = AwsRequest {
            host,
            path,
            region: &self.region,
            service: STS.signing,
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
            "iam_request_url": STANDARD.encode(address),
            "iam_request_body": STANDARD.encode(BODY),
            "iam_request_headers": STANDARD.encode(headers),
        });
        api.log_in_with(&self.mount, Some(&self.role), body.to_string().into()).await
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, "log in", format!("iam.{what}"))
}
