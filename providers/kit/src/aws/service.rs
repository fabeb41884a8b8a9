//! The services of AWS that are asked: their names, and where they answer.

use ::http::Uri;
use strongroom_provider_api::{Endpoints, Error, ErrorKind, Result};

/// One service of AWS.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// For messages.
    pub title: &'static str,
    /// Upstream's metrics label.
    pub label: &'static str,
    /// Its name in signatures.
    pub signing: &'static str,
    /// What stands before an action in `X-Amz-Target`; empty for the query protocol.
    pub target: &'static str,
    host: &'static str,
    variable: &'static str,
    /// The only region it answers in, if there is but one.
    region: Option<&'static str>,
}

/// Secrets Manager.
pub static SECRETS_MANAGER: Service = Service {
    title: "Secrets Manager",
    label: "AWS/SecretsManager",
    signing: "secretsmanager",
    target: "secretsmanager",
    host: "secretsmanager",
    variable: "AWS_SECRETSMANAGER_ENDPOINT",
    region: None,
};

/// Systems Manager, which holds the Parameter Store.
pub static PARAMETER_STORE: Service = Service {
    title: "the Parameter Store",
    label: "AWS/ParameterStore",
    signing: "ssm",
    target: "AmazonSSM",
    host: "ssm",
    variable: "AWS_SSM_ENDPOINT",
    region: None,
};

/// The Security Token Service.
pub static STS: Service = Service {
    title: "STS",
    label: "AWS/STS",
    signing: "sts",
    target: "",
    host: "sts",
    variable: STS_ENDPOINT,
    region: None,
};

/// Private container registries.
pub static ECR: Service = Service {
    title: "ECR",
    label: "AWS/ECR",
    signing: "ecr",
    target: "AmazonEC2ContainerRegistry_V20150921",
    host: "api.ecr",
    variable: "AWS_ECR_ENDPOINT",
    region: None,
};

/// The public container registry.
pub static ECR_PUBLIC: Service = Service {
    title: "ECR Public",
    label: "AWS/ECRPublic",
    signing: "ecr-public",
    target: "SpencerFrontendService",
    host: "api.ecr-public",
    variable: "AWS_ECR_PUBLIC_ENDPOINT",
    region: Some("us-east-1"),
};

/// Under this name the [endpoints](Endpoints) hold the address that takes the place of STS's own.
pub const STS_ENDPOINT: &str = "AWS_STS_ENDPOINT";

/// Domains of AWS's partitions, by how their regions begin.
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
];

const DOMAIN: &str = "amazonaws.com";

/// Where a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address of the one resource.
    pub uri: Uri,
    /// As the `Host` header has it.
    pub host: String,
    /// The region in signatures.
    pub region: String,
}

impl Service {
    /// Where it answers for `region`, which [is one](is_region).
    ///
    /// # Errors
    /// `InvalidConfig` for an address of the controller's that is none.
    pub fn place(&self, region: &str, endpoints: &Endpoints) -> Result<Place> {
        let region = self.region.unwrap_or(region);
        let address = match endpoints.get(self.variable) {
            Some(address) => address.to_owned(),
            None => format!("https://{}.{region}.{}/", self.host, domain(region)),
        };
        place(&address, region).ok_or_else(|| {
            let message = format!("{}: not an http or https address without query", self.variable);
            Error::new(ErrorKind::InvalidConfig, "use the settings", message)
        })
    }
}

/// Whether `text` may be the name of a region. It becomes part of a host's name: what is none must not lead elsewhere.
pub fn is_region(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(legal)
}

fn place(address: &str, region: &str) -> Option<Place> {
    let uri: Uri = address.parse().ok()?;
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    let default = match uri.scheme_str()? {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let port = if port == default { "" } else { port.as_str() };
    let host = format!("{}{port}", uri.host().filter(|host| !host.is_empty())?);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let plain = uri.query().is_none() && uri.path().bytes().all(is_plain);
    (plain && !uri.authority()?.as_str().contains('@')).then(|| Place {
        uri,
        host,
        region: region.to_owned(),
    })
}

fn domain(region: &str) -> &'static str {
    DOMAINS.iter().find(|(begin, _)| region.starts_with(begin)).map_or(DOMAIN, |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_domain() {
        let host = |service: &Service, region| service.place(region, &Endpoints::default()).unwrap().host;
        assert_eq!(host(&STS, "eu-central-1"), "sts.eu-central-1.amazonaws.com");
        assert_eq!(host(&SECRETS_MANAGER, "cn-north-1"), "secretsmanager.cn-north-1.amazonaws.com.cn");
        assert_eq!(host(&PARAMETER_STORE, "us-isob-east-1"), "ssm.us-isob-east-1.sc2s.sgov.gov");
        assert_eq!(host(&ECR, "us-gov-west-1"), "api.ecr.us-gov-west-1.amazonaws.com");
        assert_eq!(host(&ECR_PUBLIC, "eu-central-1"), "api.ecr-public.us-east-1.amazonaws.com");
    }

    #[test]
    fn an_address_of_the_controllers_takes_the_place_of_the_public_one() {
        let at = |address: &str| {
            STS.place("eu-central-1", &Endpoints::of([("AWS_STS_ENDPOINT", address.to_owned())]))
        };
        let place = at("http://127.0.0.1:5555").unwrap();
        assert_eq!((place.host.as_str(), place.uri.path()), ("127.0.0.1:5555", "/"));
        assert_eq!(at("https://sts.example.com:443/base").unwrap().host, "sts.example.com");
        for wrong in ["sts.example.com", "ftp://a", "http://u:p@a", "http://a/?x", "http://a/%20"] {
            let error = at(wrong).unwrap_err();
            assert!(
                error.message().contains("AWS_STS_ENDPOINT") && !error.message().contains("a/"),
                "{error}"
            );
        }
    }
}
