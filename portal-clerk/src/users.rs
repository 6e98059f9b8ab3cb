//! Clerk's record of a user, and what the portal takes from it.

use portal_core::auth::Profile;
use serde_json::Value;

/// Whether a subject may be put into a URL or the name of a stored value.
pub(crate) fn is_user_id(subject: &str) -> bool {
    subject.strip_prefix("user_").is_some_and(|id| {
        !id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The portal's view of a record. Metadata that Clerk keeps for backends only is taken out.
pub(crate) fn profile(mut record: Value) -> Profile {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let primary = record["primary_email_address_id"].as_str();
    let address = record["email_addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|address| primary.is_some() && address["id"].as_str() == primary);
    let mut profile = Profile::default();
    if let Some(address) = address {
        profile.email = text(&address["email_address"]);
        profile.email_verified =
            address["verification"]["status"] == "verified" && !profile.email.is_empty();
    }
    profile.first_name = text(&record["first_name"]);
    profile.last_name = text(&record["last_name"]);
    profile.avatar_url = record["image_url"].as_str().map(str::to_owned);
    if let Some(members) = record.as_object_mut() {
        members.remove("private_metadata");
    }
    profile.record = record;
    profile
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subjects_that_are_no_user_ids_go_nowhere() {
        assert!(is_user_id("user_2abcDEF"));
        for subject in [
            "", "user_", "user_a/b", "user_..", "user_a?b", "org_1", "xuser_1", "user_ä",
        ] {
            assert!(!is_user_id(subject), "{subject}");
        }
    }

    #[test]
    fn only_the_verified_primary_address_is_verified() {
        let record = |primary: Value, status: &str| {
            json!({
                "id": "user_1",
                "primary_email_address_id": primary,
                "email_addresses": [
                    {"id": "idn_1", "email_address": "other@x.example", "verification": {"status": "verified"}},
                    {"id": "idn_2", "email_address": "me@x.example", "verification": {"status": status}},
                    {"email_address": "none@x.example", "verification": {"status": "verified"}},
                ],
                "first_name": "Ada",
                "last_name": null,
                "image_url": "https://img.clerk.com/x",
                "private_metadata": {"secret": 1},
                "public_metadata": {"shown": 1},
            })
        };
        for (primary, status, email, verified) in [
            (json!("idn_2"), "verified", "me@x.example", true),
            (json!("idn_2"), "unverified", "me@x.example", false),
            (json!("idn_3"), "verified", "", false),
            (json!(null), "verified", "", false),
        ] {
            let profile = profile(record(primary, status));
            assert_eq!(
                (profile.email.as_str(), profile.email_verified),
                (email, verified)
            );
            assert_eq!(
                (profile.first_name.as_str(), profile.last_name.as_str()),
                ("Ada", "")
            );
            assert_eq!(
                profile.avatar_url.as_deref(),
                Some("https://img.clerk.com/x")
            );
            assert_eq!(profile.record.get("private_metadata"), None);
            assert_eq!(profile.record["public_metadata"]["shown"], 1);
        }
    }
}
