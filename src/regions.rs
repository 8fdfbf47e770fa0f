//! The regions an SDKAppID can live in, and Chat's host in each.
//!
//! An SDKAppID lives in one region for good and there is no failover between them, so a region is configuration,
//! never a caller's choice.

use std::fmt;
use std::str::FromStr;

/// A region of Chat's, as the vendor's page "REST API › request domain names" lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Region {
    /// Mainland China.
    China,
    /// Singapore.
    Singapore,
    /// South Korea.
    Seoul,
    /// Japan; only on the vendor's newest pages.
    Tokyo,
    /// Germany.
    Frankfurt,
    /// The United States.
    SiliconValley,
    /// Indonesia.
    Jakarta,
    /// India; on the vendor's pages from 2022 to early 2024, since dropped. Apps made then may still live there.
    Mumbai,
}

impl Region {
    /// Every region, in the order in which messages list them.
    pub const ALL: [Region; 8] = [
        Region::China,
        Region::Singapore,
        Region::Seoul,
        Region::Tokyo,
        Region::Frankfurt,
        Region::SiliconValley,
        Region::Jakarta,
        Region::Mumbai,
    ];

    /// The region's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Region::China => "china",
            Region::Singapore => "singapore",
            Region::Seoul => "seoul",
            Region::Tokyo => "tokyo",
            Region::Frankfurt => "frankfurt",
            Region::SiliconValley => "silicon_valley",
            Region::Jakarta => "jakarta",
            Region::Mumbai => "mumbai",
        }
    }

    /// Chat's host in the region; it speaks https on the usual port.
    pub const fn host(self) -> &'static str {
        match self {
            Region::China => "console.tim.qq.com",
            Region::Singapore => "adminapisgp.im.qcloud.com",
            Region::Seoul => "adminapikr.im.qcloud.com",
            Region::Tokyo => "adminapijpn.im.qcloud.com",
            Region::Frankfurt => "adminapiger.im.qcloud.com",
            Region::SiliconValley => "adminapiusa.im.qcloud.com",
            Region::Jakarta => "adminapiidn.im.qcloud.com",
            Region::Mumbai => "adminapiind.im.qcloud.com",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, UnknownRegion> {
        Region::ALL.into_iter().find(|region| region.name() == name).ok_or(UnknownRegion)
    }
}

/// Not a region's name; its text, which follows an "expected", lists those there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRegion;

impl fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of ")?;
        for (i, region) in Region::ALL.iter().enumerate() {
            write!(f, "{}{region}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownRegion {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_region_is_found_by_its_name() {
        for region in Region::ALL {
            assert_eq!(region.name().parse::<Region>().unwrap(), region);
        }
    }

    #[test]
    fn no_two_regions_share_a_host() {
        let hosts: std::collections::BTreeSet<_> = Region::ALL.iter().map(|region| region.host()).collect();
        assert_eq!(hosts.len(), Region::ALL.len());
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_there_are() {
        let text = "sg".parse::<Region>().unwrap_err().to_string();
        assert_eq!(text, "one of china, singapore, seoul, tokyo, frankfurt, silicon_valley, jakarta, mumbai");
    }
}
