//! The claims in session tokens.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde_json::Value;

/// Verified claims of a session token.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Claims {
    /// Issuer of the token (`iss`).
    pub issuer: String,
    /// Id of the user (`sub`).
    pub subject: String,
    /// Id of the session (`sid`).
    pub session_id: String,
    /// Origin of the page for which the token was issued (`azp`).
    pub authorized_party: Option<String>,
    /// Time of expiry, in seconds since 1970 (`exp`).
    pub expires_at: i64,
    /// Time of issue, in seconds since 1970 (`iat`).
    pub issued_at: Option<i64>,
    /// Minutes since the first and second factor were last verified (`fva`); -1 for a factor that
    /// never was.
    pub factor_ages: Option<[i64; 2]>,
    /// Impersonator's id, if the session is impersonated (`act.sub`).
    pub actor: Option<String>,
    /// The session's active organization.
    pub organization: Option<Organization>,
}

/// The organization that is active in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Organization {
    /// Id of the organization.
    pub id: String,
    /// Name of the organization in URLs.
    pub slug: Option<String>,
    /// The user's role in the organization, such as `org:admin`.
    pub role: Option<String>,
    /// The user's permissions in the organization, such as `org:invoices:read`.
    pub permissions: Vec<String>,
}

/// The claims as they occur in tokens, for both versions of the format.
#[derive(Deserialize)]
pub(crate) struct RawClaims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) sid: Option<String>,
    #[serde(default)]
    pub(crate) azp: Option<String>,
    #[serde(deserialize_with = "seconds")]
    pub(crate) exp: i64,
    #[serde(default, deserialize_with = "some_seconds")]
    pub(crate) nbf: Option<i64>,
    #[serde(default, deserialize_with = "some_seconds")]
    pub(crate) iat: Option<i64>,
    #[serde(default)]
    pub(crate) sts: Option<String>,
    #[serde(default)]
    fva: Option<Value>,
    #[serde(default)]
    act: Option<Value>,
    #[serde(default)]
    v: Option<Value>,
    #[serde(default)]
    o: Option<Value>,
    #[serde(default)]
    fea: Option<Value>,
    #[serde(default)]
    org_id: Option<Value>,
    #[serde(default)]
    org_slug: Option<Value>,
    #[serde(default)]
    org_role: Option<Value>,
    #[serde(default)]
    org_permissions: Option<Value>,
}

impl RawClaims {
    /// Converts the claims to [`Claims`]; `session_id` is the `sid`, which the caller has checked.
    pub(crate) fn into_claims(self, session_id: String) -> Claims {
        let organization = match self.v.as_ref().and_then(Value::as_u64) {
            Some(2) => self.organization_v2(),
            _ => self.organization_v1(),
        };
        Claims {
            issuer: self.iss,
            subject: self.sub,
            session_id,
            authorized_party: self.azp,
            expires_at: self.exp,
            issued_at: self.iat,
            factor_ages: self.fva.and_then(|ages| serde_json::from_value(ages).ok()),
            actor: self.act.map(|actor| {
                let subject = actor.get("sub").and_then(Value::as_str);
                subject.unwrap_or_default().to_owned()
            }),
            organization,
        }
    }

    fn organization_v1(&self) -> Option<Organization> {
        let permissions = self.org_permissions.as_ref().and_then(Value::as_array);
        Some(Organization {
            id: text(self.org_id.as_ref())?,
            slug: text(self.org_slug.as_ref()),
            role: text(self.org_role.as_ref()),
            permissions: permissions
                .into_iter()
                .flatten()
                .filter_map(|permission| text(Some(permission)))
                .collect(),
        })
    }

    fn organization_v2(&self) -> Option<Organization> {
        let organization = self.o.as_ref()?;
        let part = |name: &str| organization.get(name).and_then(Value::as_str);
        let features = self.fea.as_ref().and_then(Value::as_str);
        Some(Organization {
            id: text(organization.get("id"))?,
            slug: text(organization.get("slg")),
            role: part("rol").map(|role| format!("org:{role}")),
            permissions: permissions(
                features.unwrap_or_default(),
                part("per").unwrap_or_default(),
                part("fpm").unwrap_or_default(),
            ),
        })
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// Returns the permissions in a version 2 token.
///
/// Each of the organization's features has a bit mask that selects from the list of permissions.
fn permissions(features: &str, names: &str, masks: &str) -> Vec<String> {
    if names.is_empty() || masks.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    // An unreadable feature would shift the masks of all features after it.
    let Some(features) = organization_features(features) else {
        return Vec::new();
    };
    let mut permissions = Vec::new();
    for (feature, mask) in features.into_iter().zip(masks.split(',')) {
        for (name, set) in names.iter().zip(bits(mask.trim(), names.len())) {
            if set {
                permissions.push(format!("org:{feature}:{name}"));
            }
        }
    }
    permissions
}

/// Returns the organization's features from a list of features.
///
/// The prefix `o:` marks a feature of the organization, `u:` a feature of the user, and `uo:` or
/// `ou:` a feature of both.
fn organization_features(list: &str) -> Option<Vec<&str>> {
    let mut features = Vec::new();
    for feature in list.split(',') {
        match feature.trim().split_once(':')? {
            (_, "") => return None,
            ("o" | "uo" | "ou", name) => features.push(name),
            ("u", _) => {}
            _ => return None,
        }
    }
    Some(features)
}

/// Returns the lowest bits of a decimal number of any length, lowest bit first; empty if it is
/// invalid.
fn bits(decimal: &str, count: usize) -> Vec<bool> {
    let mut digits: Vec<u8> = decimal
        .bytes()
        .map(|byte| byte.wrapping_sub(b'0'))
        .collect();
    if digits.iter().any(|digit| *digit > 9) {
        return Vec::new();
    }
    let mut bits = Vec::new();
    while bits.len() < count && digits.iter().any(|digit| *digit != 0) {
        let mut remainder = 0;
        for digit in &mut digits {
            let value = remainder * 10 + *digit;
            *digit = value / 2;
            remainder = value % 2;
        }
        bits.push(remainder == 1);
    }
    bits
}

/// Reads a point in time; fractions of a second are dropped.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    number
        .as_i64()
        .or_else(|| {
            let float = number.as_f64()?;
            // This limit is far beyond any realistic date, and an `f64` is exact up to it.
            (float.abs() < 1e15).then_some(float.floor() as i64)
        })
        .ok_or_else(|| D::Error::custom("not a point in time"))
}

/// Reads an optional point in time, like [`seconds`]; if it is present, it must be a number.
fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    seconds(deserializer).map(Some)
}

/// Reads a field as `true` if it is present, regardless of its value.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn organization(more: Value) -> Option<Organization> {
        let mut claims = json!({"iss": "i", "sub": "s", "exp": 1});
        let (Value::Object(claims_map), Value::Object(more)) = (&mut claims, more) else {
            unreachable!()
        };
        claims_map.extend(more);
        let raw: RawClaims = serde_json::from_value(claims).unwrap();
        raw.into_claims("sess".to_owned()).organization
    }

    #[test]
    fn organizations_of_both_versions_are_read() {
        assert_eq!(organization(json!({})), None);
        let first = organization(json!({
            "org_id": "org_1", "org_slug": "acme", "org_role": "org:admin", "org_permissions": ["org:a:read"],
        }));
        let second = organization(json!({
            "v": 2, "fea": "o:a", "o": {"id": "org_1", "slg": "acme", "rol": "admin", "per": "read,write", "fpm": "1"},
        }));
        assert!(first.is_some());
        assert_eq!(first, second);
    }

    #[test]
    fn permission_masks_select_features_and_permissions() {
        let list = |features, names, masks| permissions(features, names, masks);
        assert_eq!(
            list("o:x,u:y,uo:z", "read,write,run", "5,2"),
            ["org:x:read", "org:x:run", "org:z:write"]
        );
        assert_eq!(list("o:x", "", "1"), [""; 0]);
        assert_eq!(list("o:x", "read", ""), [""; 0]);
        assert_eq!(list("", "read", "1"), [""; 0]);
        for malformed in [
            "nonsense",
            "o:x,nonsense",
            "o:x,,o:y",
            "o:",
            "z:x",
            ":x",
            "o:x,",
        ] {
            assert_eq!(list(malformed, "read", "1"), [""; 0], "{malformed}");
        }
        assert_eq!(list("o:x", "read", "-1"), [""; 0]);
        assert_eq!(list("o:x", "read", "x"), [""; 0]);
    }

    #[test]
    fn masks_can_be_longer_than_any_integer() {
        let names: Vec<String> = (0..130).map(|index| format!("p{index}")).collect();
        // 2^129 + 1
        let mask = "680564733841876926926749214863536422913";
        assert_eq!(
            permissions("o:x", &names.join(","), mask),
            ["org:x:p0", "org:x:p129"]
        );
    }

    #[test]
    fn organization_without_permissions_is_valid() {
        let found = organization(json!({"v": 2, "o": {"id": "org_1", "rol": "member"}})).unwrap();
        assert_eq!(found.role.as_deref(), Some("org:member"));
        assert_eq!(found.permissions, [""; 0]);
    }
}
