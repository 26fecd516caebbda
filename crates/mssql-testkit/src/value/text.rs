//! Text as SQL Server sees it: code page 1252 for `varchar`, UTF-16 lengths, and three collations.

use std::cmp::Ordering;

/// A collation this server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collation {
    /// `SQL_Latin1_General_CP1_CI_AS`, the default of a US English installation. Like the real one it
    /// ignores case and trailing spaces, and gives characters above U+FFFF (emoji) no weight at all.
    CaseInsensitive,
    /// `SQL_Latin1_General_CP1_CS_AS` and its like.
    CaseSensitive,
    /// `Latin1_General_BIN2` and its like: code units are compared.
    Binary,
}

impl Collation {
    /// The collation of that name; `None` when the server does not know it (error 448).
    pub(crate) fn named(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        if !(upper.starts_with("LATIN1_GENERAL_") || upper.starts_with("SQL_LATIN1_GENERAL_CP1_")) {
            return (upper == "DATABASE_DEFAULT").then_some(Self::CaseInsensitive);
        }
        if upper.ends_with("_BIN2") || upper.ends_with("_BIN") {
            Some(Self::Binary)
        } else if upper.contains("_CI_") {
            Some(Self::CaseInsensitive)
        } else if upper.contains("_CS_") {
            Some(Self::CaseSensitive)
        } else {
            None
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CaseInsensitive => "SQL_Latin1_General_CP1_CI_AS",
            Self::CaseSensitive => "SQL_Latin1_General_CP1_CS_AS",
            Self::Binary => "Latin1_General_BIN2",
        }
    }

    /// The five bytes that tell the collation on the wire (MS-TDS 2.2.5.1.2): locale and flags, sort id.
    pub(crate) fn wire(self) -> [u8; 5] {
        match self {
            Self::CaseInsensitive => [0x09, 0x04, 0xd0, 0x00, 0x34],
            Self::CaseSensitive => [0x09, 0x04, 0xc0, 0x00, 0x33],
            Self::Binary => [0x09, 0x04, 0x00, 0x02, 0x00],
        }
    }

    /// The order of two texts. Letters with an accent come right after the same letters without one.
    pub(crate) fn compare(self, a: &str, b: &str) -> Ordering {
        let (a, b) = (fold(self, a), fold(self, b));
        let by_letters = match self {
            Self::Binary => Ordering::Equal,
            _ => a.chars().map(without_accent).cmp(b.chars().map(without_accent)),
        };
        by_letters.then_with(|| a.cmp(&b))
    }
}

/// A form of the text that is equal exactly when the collation calls two texts equal, and sorts close to it.
pub(crate) fn fold(collation: Collation, text: &str) -> String {
    let text = text.trim_end_matches(' ');
    match collation {
        Collation::CaseInsensitive => text
            .chars()
            .filter(|c| *c <= '\u{ffff}')
            .flat_map(char::to_lowercase)
            .collect(),
        Collation::CaseSensitive => text.chars().filter(|c| *c <= '\u{ffff}').collect(),
        Collation::Binary => text.to_owned(),
    }
}

/// The letter below an accent, for the letters of Latin-1 and the Russian ё.
fn without_accent(c: char) -> char {
    match c {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' => 'Y',
        'ё' => 'е',
        'Ё' => 'Е',
        other => other,
    }
}

/// Number of UTF-16 code units: what `nvarchar(n)` counts.
pub(crate) fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Bytes 0x80 to 0x9f of code page 1252; `\0` marks the five unassigned ones.
const HIGH: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// Text to code page 1252. What the page lacks becomes `?`, one for every UTF-16 code unit.
pub(crate) fn encode_cp1252(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        let code = u32::from(c);
        match u8::try_from(code) {
            Ok(byte) if !(0x80..0xa0).contains(&byte) => out.push(byte),
            _ => match (0x80u8..).zip(HIGH).find(|(_, high)| *high == c && *high != '\0') {
                Some((byte, _)) => out.push(byte),
                None => out.extend(std::iter::repeat_n(b'?', c.len_utf16())),
            },
        }
    }
    out
}

/// Text from code page 1252.
pub(crate) fn decode_cp1252(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9f => match HIGH[usize::from(byte - 0x80)] {
                '\0' => char::from(*byte),
                high => high,
            },
            _ => char::from(*byte),
        })
        .collect()
}
