//! Finding the request that a one-time fault waits for.

use super::{Direction, Fault};

/// What one connection has said so far, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// The fault that is listened for.
    number: u64,
    /// The last bytes to the server: the text may come in two parts.
    tail: Vec<u8>,
    /// The request has passed, and its answer is to be lost.
    asked: bool,
}

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing of interest: the bytes pass.
    Nothing,
    /// The moment of the fault: the bytes do not pass.
    TheMoment,
}

impl Ear {
    /// Takes in bytes that are about to pass under this fault.
    pub(super) fn hear(&mut self, number: u64, fault: Fault, direction: Direction, data: &[u8]) -> Heard {
        if self.number != number {
            *self = Self {
                number,
                ..Self::default()
            };
        }
        let Some(text) = fault.listens_for() else {
            return Heard::Nothing;
        };
        if direction == Direction::ToClient {
            return if self.asked {
                Heard::TheMoment
            } else {
                Heard::Nothing
            };
        }
        let wanted: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.tail.extend_from_slice(data);
        if self.tail.windows(wanted.len().max(1)).any(|part| part == wanted) {
            self.asked = true;
        }
        let kept = wanted.len().saturating_sub(1).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        match fault {
            Fault::LoseRequest(_) if self.asked => Heard::TheMoment,
            _ => Heard::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_text_in_two_parts_is_found_with_its_last_byte() {
        let sent = utf16("INSERT; COMMIT");
        for cut in 1..sent.len() - 1 {
            let mut ear = Ear::default();
            let mut hear = |part: &[u8]| ear.hear(1, Fault::LoseRequest("COMMIT"), Direction::ToServer, part);
            assert_eq!(hear(&sent[..cut]), Heard::Nothing);
            assert_eq!(hear(&sent[cut..]), Heard::TheMoment, "cut at {cut}");
        }
    }

    #[test]
    fn an_answer_is_lost_only_after_its_request() {
        let mut ear = Ear::default();
        let fault = Fault::LoseAnswer("COMMIT");
        assert_eq!(ear.hear(1, fault, Direction::ToClient, b"hello"), Heard::Nothing);
        assert_eq!(
            ear.hear(1, fault, Direction::ToServer, &utf16("COMMIT")),
            Heard::Nothing
        );
        assert_eq!(ear.hear(1, fault, Direction::ToClient, b"done"), Heard::TheMoment);
        // And what was heard under one fault does not count under the next.
        assert_eq!(ear.hear(2, fault, Direction::ToClient, b"hello"), Heard::Nothing);
    }
}
