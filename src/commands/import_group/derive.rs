//! The group ID that a `request_id` stands for.
//!
//! Version 1, which any client can compute by itself:
//!
//! 1. `hash` is SHA-256 of the ASCII text `group-import-gateway/v1`, a line
//!    feed, the SDKAppID in decimal, a line feed, and the `request_id`.
//! 2. The group ID is `gig1-` followed by the first 20 bytes of `hash` in
//!    lower-case hexadecimal: 45 characters, within Chat's 48.
//! 3. A community's is `@TGS#_g1-` followed by the first 19 bytes: 47.
//!
//! Within one SDKAppID the same key always gives the same ID, and it takes
//! 2^76 keys before two are likely to share one. The type counts only in that
//! a community's ID must begin as Chat has it: one key used for a community
//! and for another kind of group gives two IDs.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::check::COMMUNITY_PREFIX;
use crate::{config::SdkAppId, proto::GroupType};

/// The group ID for a key, in one app.
pub fn group_id(sdk_app_id: SdkAppId, request_id: &str, kind: GroupType) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("group-import-gateway/v1\n{sdk_app_id}\n"));
    hash.update(request_id);
    let hash = hash.finalize();
    let (prefix, bytes) = match kind {
        GroupType::Community => (format!("{COMMUNITY_PREFIX}g1-"), 19),
        _ => ("gig1-".to_owned(), 20),
    };
    hash.iter().take(bytes).fold(prefix, |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Published with the derivation: SDKAppID, `request_id`, the ID of a group,
/// and that of a community.
pub const VECTORS: [(u64, &str, &str, &str); 3] = [
    (
        1_400_000_000,
        "0b0f3a52-6c1f-4a0e-9f57-5c9a6a1f2d3e",
        "gig1-9dd626ebe32106c6a3e10c0ecd3ae64ede723e33",
        "@TGS#_g1-9dd626ebe32106c6a3e10c0ecd3ae64ede723e",
    ),
    (
        1_400_000_000,
        "order-000000000001",
        "gig1-ea0afb25e0c314791e5bd4fd6a97d0a4ffb8b81f",
        "@TGS#_g1-ea0afb25e0c314791e5bd4fd6a97d0a4ffb8b8",
    ),
    (
        88_888_888,
        "0b0f3a52-6c1f-4a0e-9f57-5c9a6a1f2d3e",
        "gig1-b470c1117aeb1b4a61f89a711dc6d282843500b4",
        "@TGS#_g1-b470c1117aeb1b4a61f89a711dc6d282843500",
    ),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_published_vectors_hold_within_chats_rules() {
        for (app, key, group, community) in VECTORS {
            let app = SdkAppId::new(app).unwrap();
            assert_eq!(group_id(app, key, GroupType::Public), group);
            assert_eq!(group_id(app, key, GroupType::Private), group);
            assert_eq!(group_id(app, key, GroupType::Community), community);
            assert!(group.len() <= 48 && community.len() <= 48);
            assert!(!group.starts_with("@TGS#") && community.starts_with("@TGS#_"));
        }
    }
}
