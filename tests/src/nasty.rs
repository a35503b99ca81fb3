//! Input that nobody means well with, for the tests of both doors.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use serde_json::Value;

/// Text that shows as something else, as nothing, or breaks what handles it carelessly.
const TEXTS: [&str; 14] = [
    "",
    " ",
    "\0",
    "a\u{200b}da",
    "\u{202e}ada",
    "\u{2066}ada\u{2069}",
    "\u{feff}ada",
    "a\u{301}\u{301}\u{301}",
    "🎬🎟️👩‍👩‍👧",
    "'; DROP TABLE users; --",
    "%00%0d%0aSet-Cookie: a=b",
    "{{7*7}}${7*7}<script>",
    "../../etc/passwd",
    "\u{e0061}\u{61c}\u{ad}",
];

/// JSON that few programs expect where it stands.
const TOKENS: [&str; 16] = [
    "null",
    "true",
    "-0",
    "0.1e-400",
    "1e999",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890123456789012345678901234567890",
    "4294967296",
    "65536",
    "[]",
    "{}",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "NaN",
    "\"9999-12-31T23:59:60.999999999+99:99\"",
];

/// Text, well-formed as Unicode.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(TEXTS.as_slice()).prop_map(str::to_owned),
        any::<String>(),
        (1_usize..3000).prop_map(|length| "é".repeat(length)),
    ]
}

/// One JSON value, or what might be mistaken for one.
pub fn json() -> impl Strategy<Value = Vec<u8>> {
    let token = proptest::sample::select(TOKENS.as_slice()).prop_map(|token| token.as_bytes().to_vec());
    let leaf = prop_oneof![
        3 => token,
        2 => text().prop_map(|text| Value::String(text).to_string().into_bytes()),
        1 => any::<f64>().prop_map(|number| number.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => Just(b"\"\xff\xfe\"".to_vec()),
        1 => (100_usize..20_000).prop_map(|depth| [b"[".repeat(depth), b"]".repeat(depth)].concat()),
        1 => (100_usize..5_000).prop_map(|depth| [b"{\"a\":".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| [b"[", items.join(&b',').as_slice(), b"]"].concat()),
            vec((text(), inner), 0..4).prop_map(|pairs| {
                let pairs = pairs
                    .into_iter()
                    .map(|(key, value)| [Value::String(key).to_string().as_bytes(), b":", &value].concat());
                [b"{", pairs.collect::<Vec<_>>().join(&b',').as_slice(), b"}"].concat()
            }),
        ]
    })
}

/// What to do to something valid.
#[derive(Clone, Debug)]
pub enum Change {
    /// Put this in place of one value.
    Replace(Vec<u8>),
    /// Say one thing twice, the second time this.
    Repeat(Vec<u8>),
    /// End early.
    Cut,
    /// One byte is another one.
    Flip(u8),
}

/// A change, and where in the body it is made.
pub fn change() -> impl Strategy<Value = (Change, usize)> {
    let change = prop_oneof![
        6 => json().prop_map(Change::Replace),
        2 => json().prop_map(Change::Repeat),
        1 => Just(Change::Cut),
        1 => any::<u8>().prop_map(Change::Flip),
    ];
    (change, any::<usize>())
}

/// The body with a change.
pub fn changed(body: &Value, (change, place): &(Change, usize)) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    let at = place % bytes.len();
    match change {
        Change::Cut => bytes.truncate(at),
        Change::Flip(byte) => bytes[at] = *byte,
        Change::Replace(value) => return replaced(body, *place, |_| value.clone()),
        Change::Repeat(value) => {
            return replaced(body, *place, |key| [b"null,\"", key.as_bytes(), b"\":", value].concat());
        }
    }
    bytes
}

/// The body with other bytes in one place; they may depend on the key there.
fn replaced(body: &Value, place: usize, with: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    const MARK: &str = "here it is";
    let mut places = Vec::new();
    list(body, String::new(), &mut places);
    let pointer = &places[place % places.len()];
    let mut marked = body.clone();
    *marked.pointer_mut(pointer).expect("a value") = MARK.into();
    let text = marked.to_string();
    let (before, after) = text.split_once(&format!("\"{MARK}\"")).expect("the mark");
    let key = pointer.rsplit('/').next().unwrap_or_default();
    [before.as_bytes(), &with(key), after.as_bytes()].concat()
}

/// The JSON pointers of all values.
fn list(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| list(value, format!("{at}/{key}"), places)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| list(value, format!("{at}/{index}"), places));
        }
        _ => {}
    }
    places.push(at);
}
