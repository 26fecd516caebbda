use std::time::Duration;

use super::{Direction, End, Fault, Step, step};

fn pass(bytes: usize, then: Option<End>) -> Step {
    Step::Pass {
        bytes,
        pause: Duration::ZERO,
        then,
    }
}

#[test]
fn without_a_fault_everything_passes() {
    assert_eq!(
        step(Fault::None, Direction::ToServer, &[0, 0], 10),
        pass(10, None)
    );
}

#[test]
fn a_cut_passes_exactly_the_bytes_before_it() {
    let fault = Fault::CutAfter(Direction::ToClient, 15);
    assert_eq!(
        step(fault, Direction::ToClient, &[0, 10], 10),
        pass(5, Some(End::Closed))
    );
    assert_eq!(step(fault, Direction::ToServer, &[0, 10], 10), pass(10, None));
}

#[test]
fn a_reset_comes_with_the_byte_it_was_set_to() {
    let fault = Fault::ResetAfter(Direction::ToServer, 10);
    assert_eq!(
        step(fault, Direction::ToServer, &[0, 0], 10),
        pass(10, Some(End::Reset))
    );
    assert_eq!(step(fault, Direction::ToServer, &[0, 0], 9), pass(9, None));
}

#[test]
fn a_stall_after_some_bytes_stops_both_directions() {
    let fault = Fault::StallAfter(Direction::ToServer, 4);
    assert_eq!(step(fault, Direction::ToServer, &[0, 0], 10), pass(4, None));
    assert_eq!(step(fault, Direction::ToServer, &[4, 0], 6), Step::Wait);
    assert_eq!(step(fault, Direction::ToClient, &[4, 0], 1), Step::Wait);
}

#[test]
fn a_slow_line_passes_its_rate_in_a_second() {
    let Step::Pass { bytes, pause, .. } = step(Fault::Slow(2000), Direction::ToClient, &[0, 0], 5000) else {
        panic!("a slow line passes something");
    };
    assert_eq!((bytes, pause), (100, Duration::from_millis(50)));
}
