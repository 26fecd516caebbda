//! The names a matchmaking agency would have: several scripts, emoji, quotes and signs that need escaping.

use super::Semantics::{self, InProgress, Lost, Won};

/// Pipelines: ID, name, sort.
pub(super) const PIPELINES: [(u16, &str, i64); 4] = [
    (0, "Продажи & подписки", 100),
    (3, "Enamour Pipeline", 200),
    (1, "Anniversaries (\"50% off\") 🎁", 300),
    (5, "VIP [частные клиенты]", 400),
];

/// A stage: code without the pipeline's prefix, name, the portal's own name, colour, semantics.
///
/// The portal's own name is empty for a stage that the users added; only system stages have one.
pub(super) type StageSeed = (&'static str, &'static str, &'static str, &'static str, Semantics);

/// The stages of a pipeline, in their order.
pub(super) fn stages_of(pipeline: u16) -> &'static [StageSeed] {
    match pipeline {
        0 => &SALES,
        1 => &ANNIVERSARIES,
        3 => &ENAMOUR,
        _ => &VIP,
    }
}

const SALES: [StageSeed; 8] = [
    ("NEW", "Новая", "Новая", "#39A8EF", InProgress),
    ("PREPARATION", "Подготовка документов", "", "#2FC6F6", InProgress),
    (
        "PREPAYMENT_INVOICE",
        "Cчёт на предоплату (50%)",
        "",
        "#55D0E0",
        InProgress,
    ),
    ("EXECUTING", "В работе", "", "#47E4C2", InProgress),
    ("FINAL_INVOICE", "Финальный счёт", "", "#FFA900", InProgress),
    ("WON", "Сделка успешна 🎉", "Сделка успешна", "#7BD500", Won),
    ("LOSE", "Сделка провалена", "Сделка провалена", "#FF5752", Lost),
    ("APOLOGY", "Анализ причины провала", "", "#FF5752", Lost),
];

const ENAMOUR: [StageSeed; 10] = [
    ("NEW", "New heart 💘", "New", "#39A8EF", InProgress),
    ("UC_8K2F1A", "Анкета \"О себе\"", "", "#2FC6F6", InProgress),
    ("UC_Q0Z7LM", "Cupid's shortlist", "", "#55D0E0", InProgress),
    ("PREPARATION", "Первое свидание ☕", "", "#47E4C2", InProgress),
    (
        "UC_D4TE02",
        "Second date & photos [2+]",
        "",
        "#47D1E2",
        InProgress,
    ),
    ("EXECUTING", "100% совпадение?", "", "#75D900", InProgress),
    (
        "FINAL_INVOICE",
        "Помолвка 💍 / engagement",
        "",
        "#FFA900",
        InProgress,
    ),
    ("WON", "Свадьба 👰🏽‍♀️🤵", "Deal won", "#7BD500", Won),
    ("LOSE", "It's over 💔", "Deal lost", "#FF5752", Lost),
    ("UC_GH0STD", "Пропал(а) без вести <ghosted>", "", "#FF5752", Lost),
];

const ANNIVERSARIES: [StageSeed; 6] = [
    ("NEW", "Reminder sent ✉️", "New", "#39A8EF", InProgress),
    ("UC_5GIFT1", "Подбор подарка", "", "#2FC6F6", InProgress),
    (
        "EXECUTING",
        "L'emballage – «à la main»",
        "",
        "#47E4C2",
        InProgress,
    ),
    ("WON", "Вручено 🎁", "Deal won", "#7BD500", Won),
    ("LOSE", "Забыли…", "Deal lost", "#FF5752", Lost),
    ("APOLOGY", "Sent back; 30% refunded", "", "#FF5752", Lost),
];

const VIP: [StageSeed; 5] = [
    ("NEW", "Заявка", "New", "#39A8EF", InProgress),
    ("UC_N0DA5H", "Soirée privée", "", "#2FC6F6", InProgress),
    ("EXECUTING", "Переговоры {tête-à-tête}", "", "#47E4C2", InProgress),
    ("WON", "Да!", "Deal won", "#7BD500", Won),
    ("LOSE", "Нет", "Deal lost", "#FF5752", Lost),
];

/// Entries of other directories, which a client that asks without a filter gets too: directory, code, name.
pub(super) const OTHER_STATUSES: [(&str, &str, &str); 6] = [
    ("SOURCE", "CALL", "Звонок"),
    ("SOURCE", "WEB", "Веб-сайт"),
    ("SOURCE", "RECOMMENDATION", "Рекомендация подруги"),
    ("DEAL_TYPE", "SALE", "Продажа"),
    ("DEAL_TYPE", "SERVICE", "Услуга"),
    ("CONTACT_TYPE", "CLIENT", "Клиент"),
];

/// First halves of a deal's title.
pub(super) const SHE: [&str; 12] = [
    "Анна",
    "Мария",
    "Zoë",
    "Siobhán O'Brien",
    "Наталья «Ната»",
    "李娜",
    "Ольга",
    "Chloé D'Arc",
    "Екатерина",
    "Åsa",
    "Irene \"Rene\"",
    "Дарья",
];

/// Second halves of a deal's title.
pub(super) const HE: [&str; 12] = [
    "Кирилл",
    "Jean-Luc",
    "Пётр",
    "O'Neil",
    "Дмитрий",
    "Łukasz",
    "Михаил (мл.)",
    "Björn",
    "Роберт'); DROP TABLE Students;--",
    "José",
    "Иван <Ваня>",
    "Max",
];

/// What stands between the halves.
pub(super) const BETWEEN: [&str; 6] = [" & ", " + ", " 💘 ", " и ", " / ", " – "];

/// What may follow.
pub(super) const AFTER: [&str; 6] = ["", "", " (100%)", " [повторно]", " 🎂", " #1"];
