//! `x-forwarded-client-cert`, by which a mesh's sidecar says whose certificate
//! it has verified, in Envoy's form:
//!
//! ```text
//! By=spiffe://…;Hash=…;Subject="CN=a, O=\"b\"";URI=spiffe://…;DNS=…,By=…;URI=…
//! ```
//!
//! Proxies add their element at the end, so the last one is the word of the
//! nearest, which alone is believed: whoever is further away could have written
//! the others. What breaks the form anywhere says nothing at all; or a quote
//! that is left open would let a caller swallow the sidecar's element.

use http::HeaderMap;

use crate::config::{dns_name, uri_name};

/// The header.
const HEADER: &str = "x-forwarded-client-cert";

/// The names in the certificate that the nearest proxy has verified, as
/// `tls_name` has them; none where it has verified none.
pub(super) fn names(headers: &HeaderMap) -> Vec<String> {
    // Lines of the same header are one list, in their order.
    let last = headers.get_all(HEADER).iter().next_back();
    last.and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).and_then(last_element).unwrap_or_default()
}

/// The names in the last element; `None` where the form is broken.
fn last_element(text: &str) -> Option<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), text);
    loop {
        let (key, after) = rest.split_once('=').filter(|(key, _)| !key.contains(['"', ';', ',']))?;
        let (value, after) = value(after)?;
        match key.trim() {
            key if key.eq_ignore_ascii_case("URI") => names.extend(uri_name(&value)),
            key if key.eq_ignore_ascii_case("DNS") => names.extend(dns_name(&value)),
            _ => {} // Subject, Hash and By name no caller, and Cert and Chain say the same again
        }
        if after.is_empty() {
            return Some(names);
        }
        if after.starts_with(',') {
            names.clear();
        }
        rest = after.strip_prefix([',', ';'])?;
    }
}

/// A value up to its end, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (!value.contains('"')).then(|| (value.trim().to_owned(), after));
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(lines: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HEADER, line.parse().unwrap());
        }
        names(&headers)
    }

    #[test]
    fn the_nearest_proxy_alone_is_believed() {
        assert_eq!(of(&["URI=spiffe://a/far,By=spiffe://a/me;URI=spiffe://a/near"]), ["spiffe://a/near"]);
        assert_eq!(of(&["URI=spiffe://a/far", "URI=spiffe://a/near"]), ["spiffe://a/near"]);
        assert!(of(&["URI=spiffe://a/far,Hash=1"]).is_empty(), "the nearest knew no name");
        assert!(of(&["URI=spiffe://a/far", ""]).is_empty());
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn uris_and_dns_names_are_taken_as_certificates_have_them() {
        let envoys = r#"By=spiffe://a/me;Hash=468ed3;Cert="-----BEGIN%20CERT%3D%0A";Subject="CN=x,O=\"URI=spiffe://a/no\"";URI=spiffe://A/b;DNS=One.example;DNS=two.example"#;
        assert_eq!(of(&[envoys]), ["spiffe://A/b", "one.example", "two.example"]);
        assert_eq!(of(&[r#"uri="spiffe://a/b;c";dns=d"#]), ["spiffe://a/b;c", "d"]);
        assert_eq!(of(&["Subject=\"\";URI=spiffe://a/b"]), ["spiffe://a/b"], "as Istio writes it");
        assert_eq!(of(&["Hash=1, URI=spiffe://a/b"]), ["spiffe://a/b"]);
        assert!(of(&["DNS=spiffe://a/b;URI=one.example;URI=;DNS="]).is_empty(), "neither passes for the other");
    }

    #[test]
    fn what_breaks_the_form_says_nothing() {
        for broken in [
            r#"URI=spiffe://a/b;X=""#,
            r#"URI=spiffe://a/b;X=",Hash=1;URI=spiffe://a/me"#,
            r#"URI=spiffe://a/b;X=",Hash=1;Subject="CN=me";URI=spiffe://a/me"#,
            r#"URI=spiffe://a/b;X=",Hash=1;Subject="";URI=spiffe://a/me"#,
            r#"URI="spiffe://a/b"c"#,
            r#"URI=spiffe://a/b;X="\"#,
            r#"URI=spiffe://a/b;X=a"b""#,
            "URI=spiffe://a/b;",
            "URI=spiffe://a/b,",
            "URI=spiffe://a/b;URI",
            "spiffe://a/b",
            "",
        ] {
            assert!(of(&[broken]).is_empty(), "{broken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_from_further_away_changes_what_the_nearest_says(far in "[aURI:=;,\"\\\\ ]{0,20}") {
            for near in [
                "By=spiffe://a/me;Hash=1;Subject=\"\";URI=spiffe://a/near",
                "Hash=1;Subject=\"CN=near\";URI=spiffe://a/near",
                "Hash=1;URI=spiffe://a/near",
            ] {
                let told = of(&[&format!("{far},{near}")]);
                assert!(told.is_empty() || told == ["spiffe://a/near"], "{told:?}");
            }
        }
    }
}
