//! Child processes whose output is read line by line, and the one place that waits for something by looking again and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

/// Nothing that these tests wait for takes as long; what does is broken.
const LONGEST: Duration = Duration::from_secs(60);

/// Looks for something until it is there.
///
/// # Panics
/// When it does not come; `what` says what was waited for.
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < LONGEST, "waited in vain: {what}");
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that waits, between two looks"
        )]
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self:?}"))
    }

    /// Asserts the exit code; shows the output when it is another.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Both streams, for what may be on neither.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A running child. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn new(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let mut text = sink.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All of it. Only once the process has ended.
    fn end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of a pipe does not panic");
        }
        self.text()
    }
}

impl Process {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with_input(command, "")
    }

    /// Starts one that finds this on stdin.
    pub(crate) fn start_with_input(mut command: Command, input: &str) -> Self {
        command
            .stdin(if input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        if let Some(mut stdin) = child.stdin.take() {
            // What does not read its input has ended already; its exit code tells.
            stdin.write_all(input.as_bytes()).ok();
        }
        let stdout = Stream::new(child.stdout.take().expect("stdout is piped"));
        let stderr = Stream::new(child.stderr.take().expect("stderr is piped"));
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Waits for a whole line on stdout that `wanted` takes, and gives what it makes of it.
    pub(crate) fn line_on_stdout<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.line(what, wanted, |process| process.stdout.text())
    }

    /// Waits for a whole line on stderr that has these words.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let wanted = |line: &str| line.contains(words).then(|| line.to_owned());
        self.line(words, wanted, |process| process.stderr.text())
    }

    fn line<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(&str) -> Option<T>,
        text: impl Fn(&Self) -> String,
    ) -> T {
        wait_until(what, || {
            let ended = self.has_ended();
            let text = text(self);
            let found = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .find_map(|line| wanted(line.trim_end()));
            assert!(
                found.is_some() || !ended,
                "it ended without {what:?}:\n{}{}",
                self.stdout.text(),
                self.stderr.text()
            );
            found
        })
    }

    /// What it has written to stderr so far.
    pub(crate) fn said(&self) -> String {
        self.stderr.text()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the child can be waited for")
            .is_some()
    }

    /// Ends it as a crash does: at once, without a word.
    pub(crate) fn kill(self) {
        self.kill_and_tell();
    }

    /// The same, with what it had written until then.
    pub(crate) fn kill_and_tell(mut self) -> Ended {
        // One that has ended by itself is not there to be killed, which is no error.
        self.child.kill().expect("the child can be killed");
        let status = self.child.wait().expect("the child can be waited for");
        Ended {
            code: status.code(),
            stdout: self.stdout.end(),
            stderr: self.stderr.end(),
        }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill is there");
        assert!(status.success(), "the child is still there to be asked");
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Ended {
        let status: ExitStatus = wait_until("the end of the program", || {
            self.child.try_wait().expect("the child can be waited for")
        });
        Ended {
            code: status.code(),
            stdout: self.stdout.end(),
            stderr: self.stderr.end(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and a test that fails must not fail here, too.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
