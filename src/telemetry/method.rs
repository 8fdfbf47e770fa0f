//! The RPCs that are served, by the names that metrics, logs and traces give them.

use prometheus_client::encoding::EncodeLabelSet;

/// The path of the bulk stream.
pub const IMPORT_GROUPS_PATH: &str = "/groupimport.v1.GroupImport/ImportGroups";

/// An RPC as metrics label it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MethodLabels {
    pub(super) grpc_type: &'static str,
    pub(super) grpc_service: &'static str,
    pub(super) grpc_method: &'static str,
}

/// One of the RPCs served; all that is unknown counts as one, so that a
/// caller can't make labels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `ImportGroup`.
    ImportGroup,
    /// `ImportGroups`.
    ImportGroups,
    /// Health's `Check`.
    HealthCheck,
    /// Health's `Watch`.
    HealthWatch,
    /// Reflection, in either version.
    Reflection,
    /// What is not served.
    Unknown,
}

impl Method {
    pub(super) const COUNT: usize = 6;

    /// The RPC behind a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/groupimport.v1.GroupImport/ImportGroup" => Self::ImportGroup,
            IMPORT_GROUPS_PATH => Self::ImportGroups,
            "/grpc.health.v1.Health/Check" => Self::HealthCheck,
            "/grpc.health.v1.Health/Watch" => Self::HealthWatch,
            path if path.starts_with("/grpc.reflection.") => Self::Reflection,
            _ => Self::Unknown,
        }
    }

    /// The RPC's own name.
    pub fn name(self) -> &'static str {
        self.labels().grpc_method
    }

    /// The service and the RPC, as spans have it.
    pub(super) fn full_name(self) -> &'static str {
        match self {
            Self::ImportGroup => "groupimport.v1.GroupImport/ImportGroup",
            Self::ImportGroups => "groupimport.v1.GroupImport/ImportGroups",
            Self::HealthCheck => "grpc.health.v1.Health/Check",
            Self::HealthWatch => "grpc.health.v1.Health/Watch",
            Self::Reflection => "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is what the gateway is for, or an attempt at it: not what a
    /// probe asks every few seconds.
    pub fn is_business(self) -> bool {
        matches!(self, Self::ImportGroup | Self::ImportGroups | Self::Unknown)
    }

    pub(super) fn labels(self) -> MethodLabels {
        let (grpc_type, grpc_service, grpc_method) = match self {
            Self::ImportGroup => ("unary", "groupimport.v1.GroupImport", "ImportGroup"),
            Self::ImportGroups => ("bidi_stream", "groupimport.v1.GroupImport", "ImportGroups"),
            Self::HealthCheck => ("unary", "grpc.health.v1.Health", "Check"),
            Self::HealthWatch => ("server_stream", "grpc.health.v1.Health", "Watch"),
            Self::Reflection => ("bidi_stream", "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo"),
            Self::Unknown => ("unary", "unknown", "unknown"),
        };
        MethodLabels { grpc_type, grpc_service, grpc_method }
    }
}
