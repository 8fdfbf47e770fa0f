//! What the `OTEL_*` variables ask for. They are those of OpenTelemetry's
//! specification, and as it demands a value that is not understood is ignored
//! with a warning: traces are never a reason not to serve.
//!
//! Whether there is an exporter is decided here. Where it exports to, with
//! which headers, how it batches and samples the SDK reads by itself.

use crate::config::Environment;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
/// Either is enough.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
pub(super) const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const PROTOCOLS: &[&str] = &["grpc", "http/protobuf"];
const COMPRESSIONS: &[&str] = &["gzip", "none"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SAMPLERS: &[&str] = &[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Variables whose values are one of a few.
const CHOICES: [(&str, &[&str]); 5] = [
    (PROTOCOL, PROTOCOLS),
    (TRACES_PROTOCOL, PROTOCOLS),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", COMPRESSIONS),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", COMPRESSIONS),
    (SAMPLER, SAMPLERS),
];

/// A variable that is set; an empty one is not.
pub(super) fn get(env: &dyn Environment, name: &str) -> Option<String> {
    env.get(name).filter(|value| !value.is_empty())
}

/// Whether traces are to be exported.
pub(super) fn ask_for_export(env: &dyn Environment) -> bool {
    let is_disabled = get(env, DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let has_endpoint = || ENDPOINTS.iter().any(|name| get(env, name).is_some());
    !is_disabled
        && get(env, EXPORTER).map_or_else(has_endpoint, |exporters| names(&exporters).any(|name| name == "otlp"))
}

/// Whether spans go out over gRPC; over HTTP otherwise, as the specification has it.
pub(super) fn is_grpc(env: &dyn Environment) -> bool {
    let known = |name| get(env, name).filter(|protocol| PROTOCOLS.contains(&protocol.as_str()));
    // The variable for traces goes before the general one, unless it is not understood.
    known(TRACES_PROTOCOL).or_else(|| known(PROTOCOL)).is_some_and(|protocol| protocol == "grpc")
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// What is set and will not be followed, a sentence each.
pub(super) fn ignored(env: &dyn Environment) -> Vec<String> {
    let mut ignored: Vec<String> = CHOICES.iter().filter_map(|(name, known)| unknown(env, name, known)).collect();
    ignored.extend(unusable_ratio(env));
    let exporters = get(env, EXPORTER).unwrap_or_default();
    let others = names(&exporters).filter(|name| !matches!(*name, "" | "otlp" | "none"));
    ignored.extend(others.map(|name| format!("{EXPORTER}: there is no exporter {name:?} here, only otlp")));
    ignored
}

fn unknown(env: &dyn Environment, name: &str, known: &[&str]) -> Option<String> {
    let value = get(env, name).filter(|value| !known.contains(&value.as_str()))?;
    Some(format!("{name}: {value:?} is none of {}; it is ignored", known.join(", ")))
}

fn unusable_ratio(env: &dyn Environment) -> Option<String> {
    get(env, SAMPLER).filter(|sampler| sampler.ends_with("traceidratio"))?;
    let value = get(env, SAMPLER_ARG).unwrap_or_default();
    let is_ratio = value.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio));
    (!is_ratio).then(|| format!("{SAMPLER_ARG}: {value:?} is no number from 0 to 1; every trace is kept"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn env(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn nothing_is_exported_unless_it_is_asked_for() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces");
        for (variables, expected) in [
            (&[][..], false),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], false),
            (&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], false),
            (&[endpoint], true),
            (&[of_traces], true),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[("OTEL_TRACES_EXPORTER", "console, otlp")], true),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "zipkin")], false),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "")], true),
            (&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "1")], true), // the specification knows `true` alone
        ] {
            assert_eq!(ask_for_export(&env(variables)), expected, "{variables:?}");
        }
    }

    #[test]
    fn grpc_is_chosen_by_name_and_http_is_the_default() {
        let (general, traces) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
        for (variables, expected) in [
            (&[][..], false),
            (&[(general, "grpc")], true),
            (&[(general, "http/protobuf"), (traces, "grpc")], true),
            (&[(general, "grpc"), (traces, "http/protobuf")], false),
            (&[(general, "grpc"), (traces, "http/json")], true),
        ] {
            assert_eq!(is_grpc(&env(variables)), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_is_not_followed_is_named() {
        let good = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_TRACES_EXPORTER", "otlp,none"),
        ];
        assert_eq!(ignored(&env(&good)), [""; 0]);
        for (name, value, said) in [
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "grpc, http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip, none"),
            ("OTEL_TRACES_SAMPLER", "sometimes", "parentbased_always_on"),
            ("OTEL_TRACES_SAMPLER_ARG", "25%", "from 0 to 1"),
            ("OTEL_TRACES_SAMPLER_ARG", "2", "from 0 to 1"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "only otlp"),
        ] {
            let mut variables = env(&good);
            variables.insert(name.to_owned(), value.to_owned());
            let ignored = ignored(&variables);
            let first = ignored.first().map_or("", String::as_str);
            assert!(first.contains(name) && first.contains(value) && first.contains(said), "{ignored:?}");
        }
    }
}
