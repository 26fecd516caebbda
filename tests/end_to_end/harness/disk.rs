//! A file system of a few megabytes that a test may fill or make read-only, whoever runs it.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A tmpfs that is mounted where only this test sees it: in a namespace of its own, which ends with the process that holds it.
pub(crate) struct SmallDisk {
    holder: Child,
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one of this size, in the words of `mount`.
    ///
    /// # Errors
    /// The reason, when this machine lets this user mount nothing. A test that needs a disk says so and is over then.
    pub(crate) fn mount(size: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = "mount -t tmpfs -o size=\"$1\" none \"$2\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
                size,
            ])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare cannot be started: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.as_mut() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
        }
        let disk = Self { holder, folder };
        if line.trim() == "mounted" {
            return Ok(disk);
        }
        Err(format!(
            "no file system may be mounted here: {}",
            disk.last_words()
        ))
    }

    fn last_words(mut self) -> String {
        drop(self.holder.stdin.take());
        let mut words = String::new();
        if let Some(stderr) = self.holder.stderr.as_mut() {
            // What cannot be read is not told.
            stderr.read_to_string(&mut words).ok();
        }
        words.trim().to_owned()
    }

    /// What runs a program where the disk is seen, in this folder.
    pub(crate) fn inside(&self) -> Vec<String> {
        let pid = self.holder.id().to_string();
        let enter = [
            "nsenter",
            "--preserve-credentials",
            "--user",
            "--mount",
            "--target",
        ];
        let folder = self.folder.path().to_str().expect("a path in UTF-8");
        enter
            .into_iter()
            .chain([pid.as_str(), "env", "--chdir", folder])
            .map(str::to_owned)
            .collect()
    }

    /// The path of a file on the disk, for those inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path of the same file for those outside.
    pub(crate) fn seen_from_outside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let inside = self.path(name);
        root.join(inside.strip_prefix("/").expect("an absolute path"))
    }

    /// Writes a file that leaves so many bytes free, or none.
    pub(crate) fn fill_up_to(&self, free: u64) {
        // The last byte may be taken by somebody else meanwhile.
        let script = "n=$(df --output=avail -B1 . | tail -n 1); head -c $((n - $1)) /dev/zero > filler || test \"$1\" = 0";
        let mut command = self.shell(script);
        command.stderr(Stdio::null());
        assert!(command.arg(free.to_string()).status().expect("a shell").success());
    }

    /// Removes that file.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.seen_from_outside("filler")).expect("the file that fills the disk");
    }

    /// Lets nobody write, or everybody again.
    pub(crate) fn remount(&self, how: &str) {
        let mut command = self.shell("mount -o remount,$1 \"$PWD\"");
        assert!(command.arg(how).status().expect("a shell").success());
    }

    fn shell(&self, script: &str) -> Command {
        let inside = self.inside();
        let mut command = Command::new(&inside[0]);
        command.args(&inside[1..]).args(["sh", "-c", script, "sh"]);
        command
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already, and a test that fails must not fail here, too.
        if self.holder.kill().is_ok() {
            drop(self.holder.wait());
        }
    }
}
