//! `panel`: its password.

use std::io::{BufRead as _, IsTerminal as _};

use admin_panel::panel::auth::password;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::PanelCommand;
use crate::config::Config;
use crate::exit::{DONE, Usage};
use crate::panel::{keep_password, kept_password};
use crate::printing::say;
use crate::wiring;

pub(crate) async fn run(config: &Config, command: &PanelCommand) -> anyhow::Result<u8> {
    match command {
        PanelCommand::SetPassword { stdin } => {
            refuse_configured(config)?;
            // The state first: nobody wants to type a password in vain.
            let state = wiring::state(config)?;
            let hash = hashed(*stdin)?;
            keep_password(&state, Some(&hash)).await?;
            say!("the panel's password is set; whoever was signed in has to sign in again");
        }
        PanelCommand::RemovePassword => {
            refuse_configured(config)?;
            let state = wiring::state(config)?;
            if kept_password(&state).await?.is_some() {
                keep_password(&state, None).await?;
                say!("the panel has no password now; it serves this machine alone");
            } else {
                say!("the panel has no password in the state; nothing was changed");
            }
        }
        PanelCommand::HashPassword { stdin } => say!("{}", hashed(*stdin)?.expose_secret()),
    }
    Ok(DONE)
}

/// A configured password wins over the one in the state, so changing that one would change nothing.
fn refuse_configured(config: &Config) -> anyhow::Result<()> {
    if config.web.admin_password.is_none() {
        return Ok(());
    }
    Err(config
        .wrong(
            "web.admin_password",
            "is set, and wins over a password in the state; take it out of the configuration first, or change it there",
        )
        .into())
}

fn hashed(stdin: bool) -> anyhow::Result<SecretString> {
    let given = read(stdin)?;
    Ok(password::hash(&given).map_err(|error| Usage(error.to_string()))?)
}

/// A line of stdin, or what is typed twice on the terminal without being shown.
fn read(stdin: bool) -> anyhow::Result<SecretString> {
    if stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        return Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage(
            "there is no terminal to ask for the password; give it on stdin with --stdin".into(),
        )
        .into());
    }
    let once = SecretString::from(rpassword::prompt_password("new password: ")?);
    let twice = SecretString::from(rpassword::prompt_password("the same again: ")?);
    if once.expose_secret() != twice.expose_secret() {
        return Err(Usage("the two passwords differ; nothing was changed".into()).into());
    }
    Ok(once)
}
