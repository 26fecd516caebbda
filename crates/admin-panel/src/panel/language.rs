//! The languages of the pages, and which one a browser gets.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

impl Language {
    /// All of them, in the order of the chooser.
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    /// Its code, as in `lang` and in the cookie.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
        }
    }

    /// Its name in itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ru => "Русский",
        }
    }

    /// The language with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The text in this language. Both stand side by side where they are used, so that neither can be forgotten.
    pub fn of(self, en: &'static str, ru: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Ru => ru,
        }
    }

    /// The best of the languages that a browser accepts, by its header `Accept-Language`; English when it names neither.
    pub fn accepted(header: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for part in header.split(',') {
            let mut words = part.split(';');
            let tag = words.next().unwrap_or_default().trim();
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = words
                .find_map(|word| word.trim().strip_prefix("q=")?.trim().parse::<f32>().ok())
                .unwrap_or(1.0);
            let Some(language) = Self::of_code(&primary) else {
                continue;
            };
            if weight > 0.0 && best.is_none_or(|(heavier, _)| weight > heavier) {
                best = Some((weight, language));
            }
        }
        best.map_or(Self::En, |(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_that_it_likes_best() {
        for (header, expected) in [
            ("", Language::En),
            ("ru", Language::Ru),
            ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", Language::Ru),
            ("en-GB,en;q=0.9,ru;q=0.8", Language::En),
            ("de,fr;q=0.9", Language::En),
            ("de;q=1.0, ru;q=0.5, en;q=0.1", Language::Ru),
            ("ru;q=0,en;q=0.1", Language::En),
            ("RU", Language::Ru),
            ("ru;q=nonsense", Language::Ru),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
