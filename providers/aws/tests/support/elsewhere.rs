//! The aws provider at an address that the settings name, so that every test has an AWS of its own. In a controller the
//! address is the whole process's.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_provider_api::{
    Capabilities, Descriptor, Dialect, Endpoints, Provider, Resolver, Result, Stability, StoreClient,
    StoreKind, Toolbox, Violation,
};
use strongroom_provider_aws::{Aws, AwsConfig};

/// [`Aws`], elsewhere.
pub(crate) struct AwsElsewhere;

pub(crate) const DESCRIPTOR: Descriptor = Descriptor::of::<AwsElsewhere>();

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// Where AWS is.
    #[serde(default)]
    endpoint: String,
    #[serde(flatten)]
    aws: AwsConfig,
}

/// The toolbox of a controller that finds all of AWS at `address`.
pub(crate) fn toolbox(address: &str) -> Toolbox {
    let variables = [
        "AWS_SECRETSMANAGER_ENDPOINT",
        "AWS_SSM_ENDPOINT",
        "AWS_STS_ENDPOINT",
        "AWS_ECR_ENDPOINT",
        "AWS_ECR_PUBLIC_ENDPOINT",
    ];
    Toolbox {
        endpoints: Endpoints::of(variables.map(|name| (name, address.to_owned()))),
        ..Toolbox::default()
    }
}

#[async_trait]
impl Provider for AwsElsewhere {
    const NAME: &'static str = Aws::NAME;
    const STABILITY: Stability = Aws::STABILITY;
    const LOGIN_METHODS: &'static [&'static str] = Aws::LOGIN_METHODS;
    type Config = Settings;

    fn validate(config: &Settings, kind: StoreKind) -> Vec<Violation> {
        Aws::validate(&config.aws, kind)
    }

    fn capabilities(config: &Settings) -> Capabilities {
        Aws::capabilities(&config.aws)
    }

    fn dialect(config: &Settings) -> Dialect {
        Aws::dialect(&config.aws)
    }

    fn login_method(config: &Settings) -> Option<&'static str> {
        Aws::login_method(&config.aws)
    }

    async fn connect(
        config: Settings,
        resolver: Arc<dyn Resolver>,
        given: Toolbox,
    ) -> Result<Arc<dyn StoreClient>> {
        let toolbox = Toolbox { endpoints: toolbox(&config.endpoint).endpoints, ..given };
        Aws::connect(config.aws, resolver, toolbox).await
    }
}
