//! Text that has been checked at the border: what holds one of these need not check again.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Text of 1 to `MAX` characters without control or invisible formatting characters; white space around it is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err("must not be empty".into());
        }
        if trimmed.chars().count() > MAX {
            return Err(format!("must have at most {MAX} characters"));
        }
        if trimmed.chars().any(is_invisible) {
            return Err("must not contain control or invisible formatting characters".into());
        }
        Ok(Self(if trimmed.len() == text.len() { text } else { trimmed.to_owned() }))
    }
}

/// Control characters, zero-width and bidirectional formatting, fillers and tags (Unicode TR 36), which make two texts
/// look alike.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX })
    }
}

/// An e-mail address: one `@`, something on both sides, a dot in the domain, at most 254 characters (RFC 5321).
/// Compared without regard to case, as mail providers do; see [`Email::key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two equal addresses are equal.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl TryFrom<String> for Email {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        let valid = match text.split_once('@') {
            Some((local, domain)) => {
                !local.is_empty()
                    && local.len() <= 64
                    && domain.split('.').count() >= 2
                    && domain.split('.').all(|label| !label.is_empty())
                    && !domain.contains('@')
                    && text.len() <= 254
                    && !text.chars().any(|c| c.is_whitespace() || is_invisible(c))
            }
            None => false,
        };
        if valid { Ok(Self(text.to_owned())) } else { Err("must be an e-mail address such as ada@example.com".into()) }
    }
}

impl From<Email> for String {
    fn from(email: Email) -> String {
        email.0
    }
}

impl JsonSchema for Email {
    fn schema_name() -> Cow<'static, str> {
        "Email".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "email", "maxLength": 254 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_bounded() {
        assert_eq!(Text::<5>::try_from("  ab ".to_owned()).unwrap().as_str(), "ab");
        assert!(Text::<5>::try_from("      ".to_owned()).is_err());
        assert!(Text::<5>::try_from("abcdef".to_owned()).is_err());
        for invisible in ['\u{202E}', '\u{200B}', '\u{61C}', '\u{AD}', '\u{E0061}', '\u{3164}', '\u{FEFF}'] {
            assert!(Text::<5>::try_from(format!("a{invisible}b")).is_err(), "{invisible:?}");
        }
    }

    #[test]
    fn e_mail_addresses_are_compared_without_case() {
        let email = Email::try_from("Ada@Example.com".to_owned()).unwrap();
        assert_eq!(email.key(), "ada@example.com");
        for bad in ["", "ada", "@example.com", "ada@", "ada@example", "a b@example.com", "a@b@c.de", "a@b..de"] {
            assert!(Email::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
