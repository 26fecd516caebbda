//! The licences of everything we build with, by the list in `deny.toml`.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cargo, output, root};

pub(crate) fn run() -> Result<()> {
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path).context("cannot read deny.toml")?;
    let allowed = allowed(&text)?;
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
    let mut wrong = Vec::new();
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        match package["license"].as_str() {
            None => wrong.push(format!("{name}: no licence given")),
            Some(licence) => match is_allowed(licence, &allowed) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("{name}: {licence}")),
                Err(error) => wrong.push(format!("{name}: {licence}: {error}")),
            },
        }
    }
    if !wrong.is_empty() {
        bail!(
            "licences that deny.toml does not allow:\n  {}",
            wrong.join("\n  ")
        );
    }
    eprintln!("the licences of {} packages are allowed", packages.len());
    Ok(())
}

/// The list `licenses.allow`.
fn allowed(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse().context("deny.toml cannot be read")?;
    let list = deny
        .get("licenses")
        .and_then(|section| section.get("allow"))
        .and_then(toml::Value::as_array);
    let list = list.context("deny.toml has no list licenses.allow")?;
    Ok(list
        .iter()
        .filter_map(toml::Value::as_str)
        .map(str::to_owned)
        .collect())
}

/// Whether one of the ways to take the licence is allowed.
fn is_allowed(licence: &str, allowed: &[String]) -> Result<bool> {
    // Old manifests write MIT/Apache-2.0 for MIT OR Apache-2.0.
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)?;
    Ok(expression.evaluate(|requirement| allowed.contains(&requirement.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(licence: &str) -> bool {
        is_allowed(
            licence,
            &[
                "MIT".into(),
                "Apache-2.0".into(),
                "Apache-2.0 WITH LLVM-exception".into(),
            ],
        )
        .unwrap()
    }

    #[test]
    fn one_allowed_choice_is_enough_and_all_parts_must_be() {
        assert!(is("MIT OR GPL-3.0-only") && is("MIT/Apache-2.0") && is("Apache-2.0 WITH LLVM-exception"));
        assert!(!is("GPL-3.0-only") && !is("MIT AND GPL-3.0-only"));
    }

    #[test]
    fn our_own_list_can_be_read() {
        let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        assert!(allowed(&text).unwrap().contains(&"MIT".to_owned()));
    }
}
