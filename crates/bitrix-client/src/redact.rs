//! Makes a text from outside fit for an error message: one short line without anything like a secret.

/// More of a portal's own words than this helps nobody.
const LONGEST: usize = 200;

/// Secrets of webhooks and tokens are runs of letters and digits at least this long.
const SECRET_LENGTH: usize = 16;

/// Replaces the secret (in any case) and every word that looks like a key by `***`, removes markup and control
/// characters, and cuts the rest to 200 characters.
pub(crate) fn short_line(text: &str, secret: &str) -> String {
    let mut plain = String::new();
    let mut in_tag = false;
    let mut cut_short = false;
    for character in text.chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            c if c.is_control() || c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
        // Enough is left for a line, whatever is masked.
        if plain.len() > 16 * LONGEST {
            cut_short = true;
            break;
        }
    }
    let mut masked = mask_exact(&plain, secret);
    if cut_short {
        // The secret may have been cut in two, and its first part would be no match.
        let mut end = masked.len().saturating_sub(secret.len());
        while !masked.is_char_boundary(end) {
            end -= 1;
        }
        masked.truncate(end);
    }
    let masked = mask_words(&masked);
    let mut line: String = masked.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// An error code, kept to the characters codes are made of.
pub(crate) fn code(text: &str, secret: &str) -> String {
    short_line(text, secret)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "_-.:*".contains(*c))
        .take(64)
        .collect()
}

fn mask_exact(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    // ASCII case folding keeps every byte offset, so the two texts can be cut alike.
    let (folded, wanted) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let mut masked = String::new();
    let mut kept = 0;
    for (at, _) in folded.match_indices(&wanted) {
        masked.push_str(text.get(kept..at).unwrap_or_default());
        masked.push_str("***");
        kept = at + wanted.len();
    }
    masked.push_str(text.get(kept..).unwrap_or_default());
    masked
}

fn mask_words(text: &str) -> String {
    let mut masked = String::new();
    let mut word = String::new();
    for character in text.chars().chain([' ']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        let looks_secret = word.len() >= SECRET_LENGTH && word.bytes().any(|byte| byte.is_ascii_digit());
        masked.push_str(if looks_secret { "***" } else { &word });
        masked.push(character);
        word.clear();
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_gone_in_any_case_and_any_place() {
        assert_eq!(
            short_line("at /rest/1/MyKey/profile: mykey!", "mykey"),
            "at /rest/1/***/profile: ***!"
        );
    }

    #[test]
    fn a_secret_that_a_long_text_is_cut_in_does_not_show_in_part() {
        let secret = "abcdefgh".repeat(8);
        for padding in 3_100..3_300 {
            for text in [
                format!("{}{secret}", " ".repeat(padding)),
                format!("{}{}", " ".repeat(padding % 64), secret.repeat(60)),
            ] {
                let line = short_line(&text, &secret);
                assert!(line.chars().all(|c| "*…".contains(c)), "{padding}: {line}");
            }
        }
    }

    #[test]
    fn words_like_keys_are_gone_and_plain_words_stay() {
        let text = "token 9f8e7d6c5b4a3f2e is bad, internationalisation is not";
        assert_eq!(
            short_line(text, "x9"),
            "token *** is bad, internationalisation is not"
        );
    }

    #[test]
    fn markup_and_line_breaks_become_one_short_line() {
        assert_eq!(
            short_line("<h1>Not\r\nFound</h1>\u{0} Ошибка", "s3"),
            "Not Found Ошибка"
        );
        assert_eq!(short_line(&"я".repeat(500), "s3").chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_code_keeps_only_what_codes_are_made_of() {
        assert_eq!(code("QUERY_LIMIT \"EXCEEDED\"", "s3"), "QUERY_LIMITEXCEEDED");
    }
}
