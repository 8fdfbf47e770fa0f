//! The generated messages and services of `groupimport.v1`, and their
//! descriptors.

mod generated {
    #![allow(
        clippy::disallowed_methods,
        missing_docs,
        reason = "generated: a status for unknown methods, and what the proto leaves without a comment"
    )]

    tonic::include_proto!("groupimport.v1");
}

pub use generated::*;

/// The descriptors of `groupimport.v1` and all it imports, `google.rpc.Status`
/// included, as a serialized `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Reflection, version 1.
///
/// # Errors
/// When the descriptors can't be served.
pub fn reflection_v1() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<impl tonic_reflection::server::v1::ServerReflection>,
    tonic_reflection::server::Error,
> {
    reflection().build_v1()
}

/// Reflection in the older version, which many tools still ask for.
///
/// # Errors
/// When the descriptors can't be served.
pub fn reflection_v1alpha() -> Result<
    tonic_reflection::server::v1alpha::ServerReflectionServer<impl tonic_reflection::server::v1alpha::ServerReflection>,
    tonic_reflection::server::Error,
> {
    reflection().build_v1alpha()
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
