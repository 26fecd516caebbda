//! The tests that every store must pass.

mod on_the_test_server {
    use std::future::{Ready, ready};

    use store::conformance::Subject;

    fn fresh(_: &str) -> Ready<Subject> {
        ready(crate::tests::server::subject_of_its_own())
    }

    store::conformance_tests!(crate::tests::conformance::on_the_test_server::fresh);
}

mod on_the_server_asked_for {
    use std::future::ready;

    use store::conformance::Subject;

    fn fresh(_: &str) -> impl Future<Output = Option<Subject>> {
        ready(crate::tests::server::asked_for().map(crate::tests::server::subject))
    }

    store::conformance_tests!(crate::tests::conformance::on_the_server_asked_for::fresh);
}
