//! Words for the exchanges, agents and switches that this program has. What is not known here is told in its own words.

use super::format::Noun;
use super::language::Language;

/// What an exchange is called, and what its rows are.
pub(crate) struct ExchangeWords {
    /// A heading.
    pub(crate) title: [&'static str; 2],
    /// A row.
    pub(crate) noun: Noun,
    /// The switch without which its table stands still.
    pub(crate) following: Option<&'static str>,
    /// The switches of its upload, if it has any.
    pub(crate) held: Option<&'static str>,
}

const ROW: Noun = Noun {
    en: ["row", "rows"],
    ru: ["строка", "строки", "строк"],
};

const STAGE: Noun = Noun {
    en: ["stage", "stages"],
    ru: ["стадия", "стадии", "стадий"],
};

const MOVE: Noun = Noun {
    en: ["move", "moves"],
    ru: ["переход", "перехода", "переходов"],
};

/// The words for an exchange.
pub(crate) fn exchange(name: &str) -> ExchangeWords {
    match name {
        "history" => ExchangeWords {
            title: ["Moves of deals", "Переходы сделок"],
            noun: MOVE,
            following: Some("actualizer.enabled"),
            held: Some("uploader.paused"),
        },
        "stage-list" => ExchangeWords {
            title: ["Stage list", "Список стадий"],
            noun: STAGE,
            following: Some("stage_list.interception"),
            held: None,
        },
        _ => ExchangeWords {
            title: ["", ""],
            noun: ROW,
            following: None,
            held: None,
        },
    }
}

/// The heading of an exchange.
pub(crate) fn exchange_title(l: Language, name: &str) -> String {
    match exchange(name).title {
        ["", _] => name.to_owned(),
        [en, ru] => l.of(en, ru).to_owned(),
    }
}

/// What an agent does, in a sentence.
pub(crate) fn agent_about(l: Language, name: &str) -> Option<&'static str> {
    Some(match name {
        "stage-list.sync" => l.of(
            "Brings the whole stage list over when somebody asks for it.",
            "Загружает весь список стадий, когда об этом просят.",
        ),
        "stage-list.follow" => l.of(
            "Looks for changes of the stage list at an interval and after events.",
            "Ищет изменения списка стадий: по расписанию и по событиям.",
        ),
        "stage-list.verify" => l.of(
            "Compares the table of stages with the portal, row by row. Changes nothing.",
            "Сверяет таблицу стадий с порталом построчно. Ничего не меняет.",
        ),
        "history.upload" => l.of(
            "Brings the whole history of moves over, step by verified step.",
            "Загружает всю историю переходов шаг за шагом, проверяя каждый шаг.",
        ),
        "history.follow" => l.of(
            "Looks for new and changed moves at an interval and after events.",
            "Ищет новые и изменённые переходы: по расписанию и по событиям.",
        ),
        "history.deal" => l.of(
            "Reads a deal again after an event about it.",
            "Перечитывает сделку после события о ней.",
        ),
        "history.reconcile" => l.of(
            "Compares everything with the portal, slowly, and mends what nobody told of.",
            "Медленно сверяет всё с порталом и исправляет то, о чём не было событий.",
        ),
        "history.verify" => l.of(
            "Compares the table of moves with the portal, row by row. Changes nothing.",
            "Сверяет таблицу переходов с порталом построчно. Ничего не меняет.",
        ),
        _ => return None,
    })
}

/// The words for a switch.
pub(crate) struct SwitchWords {
    /// Its name for people.
    pub(crate) title: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
    /// What follows from switching it to a value that is worth a second thought: that value, and the words.
    pub(crate) think: Option<(&'static str, &'static str)>,
}

/// The words for a switch.
pub(crate) fn switch(l: Language, key: &str) -> Option<SwitchWords> {
    Some(match key {
        "stage_list.interception" => SwitchWords {
            title: l.of("Event interception of the stage list", "Перехват событий списка стадий"),
            about: l.of(
                "On: changes of stages come into the table by themselves. Off: the list changes only by an upload, and for \
                 stages that a move names.",
                "Включено: изменения стадий попадают в таблицу сами. Выключено: список меняется только загрузкой и для \
                 стадий, названных в переходах.",
            ),
            think: Some((
                "off",
                l.of(
                    "Renamed, new and removed stages will no longer come into the table until this is on again.",
                    "Переименованные, новые и удалённые стадии перестанут попадать в таблицу, пока это не включат снова.",
                ),
            )),
        },
        "actualizer.enabled" => SwitchWords {
            title: l.of("Actualizer", "Актуализатор"),
            about: l.of(
                "On: new and changed moves come into the table within seconds once the upload is done. Off: the table stays \
                 as it is.",
                "Включено: после загрузки новые и изменённые переходы попадают в таблицу за секунды. Выключено: таблица \
                 остаётся как есть.",
            ),
            think: Some((
                "off",
                l.of(
                    "The table of moves stands still until this is on again, and falls behind the portal. Nothing is lost: \
                     it catches up afterwards.",
                    "Таблица переходов замрёт и будет отставать от портала, пока это не включат снова. Ничего не пропадёт: \
                     потом она догонит.",
                ),
            )),
        },
        "uploader.paused" => SwitchWords {
            title: l.of("Hold the upload", "Приостановить загрузку"),
            about: l.of(
                "On: the upload stops after its present step and keeps its place. Off: it goes on from there.",
                "Включено: загрузка остановится после текущего шага и запомнит место. Выключено: продолжит с него.",
            ),
            think: None,
        },
        "uploader.pace" => SwitchWords {
            title: l.of("Pace of the upload", "Темп загрузки"),
            about: l.of(
                "Fast: as fast as the portal's limits allow. Gentle: 50 rows every 2 minutes, as the old module did.",
                "Быстро: насколько позволяют лимиты портала. Бережно: 50 строк каждые 2 минуты, как старый модуль.",
            ),
            think: None,
        },
        _ => return None,
    })
}

/// A switch's value in words.
pub(crate) fn value(l: Language, value: &str) -> &str {
    match value {
        "on" => l.of("on", "включено"),
        "off" => l.of("off", "выключено"),
        "fast" => l.of("fast", "быстро"),
        "gentle" => l.of("gentle", "бережно"),
        "active" => l.of("active", "работает"),
        "paused" => l.of("paused", "приостановлен"),
        "panel" => l.of("panel", "панель"),
        "command line" => l.of("command line", "командная строка"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages_and_they_differ() {
        for name in [
            "stage-list.sync",
            "stage-list.follow",
            "history.upload",
            "history.deal",
        ] {
            assert_ne!(agent_about(Language::En, name), agent_about(Language::Ru, name));
        }
        assert_eq!(exchange_title(Language::Ru, "leads"), "leads");
        assert_eq!(value(Language::Ru, "<b>"), "<b>");
    }
}
