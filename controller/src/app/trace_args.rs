//! The flags that say where traces go, each with the variable by which OpenTelemetry's own tools know it.

use anyhow::Context as _;

use super::args::Share;
use crate::telemetry::TraceSettings;

/// The protocol of OTLP that is spoken, under OpenTelemetry's name for it.
const SPOKEN: &str = "http/protobuf";

/// Where traces go. The exporter finds headers by itself, in `OTEL_EXPORTER_OTLP_HEADERS` alone: they hold credentials,
/// which do not belong on a command line.
#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    /// Base address of a collector that takes traces by OTLP over HTTP (protobuf), for example `http://collector:4318`;
    /// `/v1/traces` is added. Nothing is traced if not given.
    #[arg(long = "otlp-endpoint", env = "OTEL_EXPORTER_OTLP_ENDPOINT", default_value = "")]
    collector: String,
    /// The exact address, in place of that.
    #[arg(long = "otlp-traces-endpoint", env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default_value = "")]
    exact: String,
    /// The authorities that the collector's certificate may be from, a PEM file; the machine's if not given.
    #[arg(long = "otlp-certificate", env = "OTEL_EXPORTER_OTLP_CERTIFICATE", default_value = "")]
    authorities: String,
    /// Which share of the attempts is traced, from 0 to 1.
    #[arg(long = "otlp-sample-ratio", env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1")]
    share: Share,
    /// What the traces say that they are of.
    #[arg(long = "otlp-service-name", env = "OTEL_SERVICE_NAME", default_value = "strongroom")]
    service: String,
    /// What is spoken with the collector: `http/protobuf`. Any other ends the start, if anything is traced.
    #[arg(long = "otlp-protocol", env = "OTEL_EXPORTER_OTLP_PROTOCOL", default_value = SPOKEN)]
    protocol: String,
    /// The same for traces alone, in place of that.
    #[arg(long = "otlp-traces-protocol", env = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", default_value = "")]
    traces_protocol: String,
    /// `none`: nothing is traced, whatever else is given.
    #[arg(long = "otlp-traces-exporter", env = "OTEL_TRACES_EXPORTER", default_value = "otlp")]
    exporter: String,
    /// `true`: nothing is traced, whatever else is given.
    #[arg(long = "otlp-disabled", env = "OTEL_SDK_DISABLED", default_value = "false")]
    disabled: String,
}

impl TraceArgs {
    /// Where traces go, if they go anywhere.
    ///
    /// # Errors
    /// A file that cannot be read, or a protocol that is not spoken.
    pub(super) fn settings(&self) -> anyhow::Result<Option<TraceSettings>> {
        let address = match (self.exact.as_str(), self.collector.trim_end_matches('/')) {
            ("", "") => return Ok(None),
            ("", base) => format!("{base}/v1/traces"),
            (exact, _) => exact.to_owned(),
        };
        if self.disabled.eq_ignore_ascii_case("true") || self.exporter.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        // A variable that is there and empty says nothing.
        let asked = [&self.traces_protocol, &self.protocol].into_iter().find(|asked| !asked.is_empty());
        if let Some(other) = asked.filter(|asked| *asked != SPOKEN) {
            anyhow::bail!("--otlp-protocol: {other:?} is asked for, and only {SPOKEN} is spoken");
        }
        let roots = if self.authorities.is_empty() {
            None
        } else {
            Some(std::fs::read(&self.authorities).context("--otlp-certificate")?)
        };
        Ok(Some(TraceSettings { address, roots, share: self.share.0, service: self.service.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::args::{Args, Command};

    type Settings = Option<(String, f64, String)>;

    fn settings(flags: &[&str]) -> Result<Settings, String> {
        let args = [&["strongroom", "controller"], flags].concat();
        let Command::Controller(args) = Args::try_parse_from(args).unwrap().command else { panic!() };
        let settings = args.traces.settings().map_err(|error| format!("{error:#}"))?;
        Ok(settings.map(|settings| (settings.address, settings.share, settings.service)))
    }

    #[test]
    fn nothing_is_traced_unless_an_address_is_given() {
        assert_eq!(settings(&[]), Ok(None));
        assert_eq!(settings(&["--otlp-sample-ratio=0.5"]), Ok(None));
        let base = "--otlp-endpoint=http://collector:4318/";
        let all = ("http://collector:4318/v1/traces".to_owned(), 1.0, "strongroom".to_owned());
        assert_eq!(settings(&[base]), Ok(Some(all)));
        let few =
            ["--otlp-traces-endpoint=https://c/t", base, "--otlp-sample-ratio=0.1", "--otlp-service-name=x"];
        assert_eq!(settings(&few), Ok(Some(("https://c/t".to_owned(), 0.1, "x".to_owned()))));
        for off in ["--otlp-disabled=TRUE", "--otlp-traces-exporter=none"] {
            assert_eq!(settings(&[base, off]), Ok(None), "{off}");
        }
    }

    #[test]
    fn a_protocol_that_is_not_spoken_is_named() {
        let base = "--otlp-endpoint=http://collector:4317";
        for flag in ["--otlp-protocol=grpc", "--otlp-traces-protocol=grpc"] {
            let error = settings(&[base, flag]).unwrap_err();
            assert_eq!(error, r#"--otlp-protocol: "grpc" is asked for, and only http/protobuf is spoken"#);
            assert_eq!(settings(&[flag]), Ok(None));
        }
        let of_traces = ["--otlp-protocol=grpc", "--otlp-traces-protocol=http/protobuf", base];
        assert!(settings(&of_traces).unwrap().is_some());
        assert!(settings(&[base, "--otlp-protocol="]).unwrap().is_some());
    }

    #[test]
    fn authorities_that_cannot_be_read_end_the_start() {
        let flags = ["--otlp-endpoint=https://collector", "--otlp-certificate=/nowhere/to/be/found.pem"];
        assert!(settings(&flags).unwrap_err().starts_with("--otlp-certificate: "));
    }

    #[test]
    fn every_flag_has_the_variable_by_which_opentelemetry_knows_it() {
        let command = <Args as clap::CommandFactory>::command();
        let controller = command.find_subcommand("controller").unwrap();
        let flags =
            controller.get_arguments().filter(|flag| flag.get_long().unwrap_or("").starts_with("otlp-"));
        let variables: Vec<_> = flags.map(|flag| flag.get_env().unwrap().to_str().unwrap()).collect();
        assert_eq!(variables.len(), 9);
        assert!(variables.iter().all(|name| name.starts_with("OTEL_")), "{variables:?}");
    }
}
