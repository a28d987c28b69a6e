//! `esign config`: shows and sets the defaults of flags.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::{Context, print};

/// Show or set defaults
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign config                              prints the file and what is set
  esign config trust root.pem               trust this centre from now on
  esign config crl root.crl issuing.crl     use these revocation lists
  esign config register esign-demo          check codes against this register
  esign config tsa http://tsa.example/      ask this authority for time-stamps
  esign config lang az
  esign config --unset crl

The file is ~/.config/esign/config.toml, or the one that ESIGN_CONFIG names.
A flag goes before the environment, the environment before this file.")]
pub(crate) struct Args {
    /// What to set
    #[arg(requires = "values")]
    name: Option<Name>,
    /// To what; files are kept with their whole path
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
    /// Forget a setting
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    unset: Option<Name>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Crl,
    Lang,
    Register,
    Trust,
    Tsa,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut settings = Settings::load()?;
    if let Some(name) = args.unset {
        match name {
            Name::Crl => settings.crl.clear(),
            Name::Lang => settings.lang = None,
            Name::Register => settings.register = None,
            Name::Trust => settings.trust.clear(),
            Name::Tsa => settings.tsa.clear(),
        }
    } else if let Some(name) = args.name {
        match name {
            Name::Crl => settings.crl = paths(&args.values)?,
            Name::Lang => settings.lang = Some(lang(&args.values)?),
            Name::Register => settings.register = Some(one(&args.values)?),
            Name::Trust => settings.trust = paths(&args.values)?,
            Name::Tsa => settings.tsa.clone_from(&args.values),
        }
    } else {
        let path = Settings::path().map_or_else(String::new, |p| p.display().to_string());
        print(&format!("# {path}\n{}", settings.text()?))?;
        return Ok(Exit::Passed);
    }
    let path = settings.store()?;
    print(&format!(
        "{}\n",
        context
            .lang
            .with("config-done", &[("target", &path.display().to_string())])
    ))?;
    Ok(Exit::Passed)
}

fn lang(values: &[String]) -> Result<String, Failure> {
    match values {
        [one] if one == "az" || one == "en" => Ok(one.clone()),
        _ => Err(Failure::new(format!(
            "lang is \"{}\", expected az or en",
            values.join(" ")
        ))),
    }
}

/// The one folder.
fn one(values: &[String]) -> Result<PathBuf, Failure> {
    let mut all = paths(values)?;
    match (all.pop(), all.is_empty()) {
        (Some(folder), true) => Ok(folder),
        _ => Err(Failure::new(format!(
            "register is one folder, not {}",
            values.len()
        ))),
    }
}

/// Whole paths of files that are there: the setting must hold in every folder.
fn paths(values: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let whole = |v: &String| std::fs::canonicalize(v).map_err(|e| Failure::io(v, &e));
    values.iter().map(whole).collect()
}
