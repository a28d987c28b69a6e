//! `esign key list`: what is on a token, and by which URI.

use esign_core::token::{PinTries, Token, TokenUri};
use serde_json::{Value, json};

use super::secrets::PassphraseArgs;
use super::token::{failed, log_in, parse, search};
use crate::failure::{Exit, Failure};
use crate::lang::Lang;
use crate::{Context, print};

/// Show the keys and certificates on tokens
#[derive(clap::Args)]
#[command(after_help = "Examples:
  esign key list                                        all tokens that p11-kit knows
  esign key list 'pkcs11:?module-name=opensc-pkcs11'    all tokens of one module
  esign key list 'pkcs11:token=My%20card' --pin-file pin.txt

What stands in front of each key is the URI for --key. Most tokens show private keys only after the
PIN, which is asked for where one token matches. ESIGN_PKCS11_MODULE names the module for URIs that
name none.")]
pub(crate) struct ListArgs {
    /// Module and tokens to show, as a pkcs11: URI
    #[arg(value_name = "URI", default_value = "pkcs11:")]
    uri: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn list(args: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let uri = parse(&args.uri)?;
    let tokens = Token::all(&uri, &search()).map_err(|e| failed(&e))?;
    // A PIN is one token's: it is not tried on others.
    let single = tokens.len() == 1;
    let mut shown = Vec::new();
    for token in &tokens {
        let logged_in = single && log_in(token, &uri, &args.passphrase)?;
        shown.push(describe(token, &uri, logged_in)?);
    }
    if args.json {
        print(&format!("{}\n", json!({ "tokens": shown })))?;
    } else if shown.is_empty() {
        print(&format!("{}\n", context.lang.text("key-list-none")))?;
    } else {
        for token in &shown {
            print(&text(&context.lang, token))?;
        }
    }
    Ok(Exit::Passed)
}

/// One token as JSON; its lines for people are made of the same.
fn describe(token: &Token, asked: &TokenUri, logged_in: bool) -> Result<Value, Failure> {
    let wrong = |e| failed(&e);
    let identity = token.identity();
    let module = match (asked.module_path(), asked.module_name()) {
        (Some(path), None) => format!("?module-path={}", path.display()),
        (None, Some(name)) => format!("?module-name={name}"),
        (Some(path), Some(name)) => format!("?module-path={}&module-name={name}", path.display()),
        (None, None) => String::new(),
    };
    let at = |attributes: &str| format!("{};{attributes}{module}", identity.uri());
    let hex = |id: &[u8]| id.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let keys: Vec<Value> = token
        .keys()
        .map_err(wrong)?
        .iter()
        .map(|key| {
            json!({
                "uri": at(&key.attributes()),
                "label": key.label,
                "id": hex(&key.id),
                "algorithm": key.public_key.as_ref().map(|k| k.algorithm().to_string()),
                "signs": key.signs,
            })
        })
        .collect();
    let certificates: Vec<Value> = token
        .certificates()
        .map_err(wrong)?
        .iter()
        .map(|entry| {
            let read = entry.certificate().ok();
            json!({
                "uri": at(&entry.attributes()),
                "label": entry.label,
                "id": hex(&entry.id),
                "subject": read.as_ref().map(|c| c.subject().to_string()),
                "not_before": read.as_ref().map(|c| c.not_before().to_string()),
                "not_after": read.as_ref().map(|c| c.not_after().to_string()),
            })
        })
        .collect();
    let pin = match token.pin_tries().map_err(wrong)? {
        PinTries::Full => "full",
        PinTries::Low => "low",
        PinTries::Last => "last",
        PinTries::Locked => "locked",
    };
    Ok(json!({
        "uri": format!("{}{module}", identity.uri()),
        "label": identity.label,
        "manufacturer": identity.manufacturer,
        "model": identity.model,
        "serial": identity.serial,
        "pin": pin,
        "logged_in": logged_in,
        "keys": keys,
        "certificates": certificates,
    }))
}

fn text(lang: &Lang, token: &Value) -> String {
    let field = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "{}\n",
        lang.with(
            "key-list-token",
            &[
                ("token", &field(token, "label")),
                ("model", &field(token, "model")),
                ("serial", &field(token, "serial")),
            ],
        )
    );
    let pin = field(token, "pin");
    if pin != "full" {
        out += &format!("  {}\n", lang.text(&format!("key-list-pin-{pin}")));
    }
    for key in token["keys"].as_array().into_iter().flatten() {
        let algorithm = key["algorithm"].as_str().unwrap_or("?");
        let values = [
            ("uri", field(key, "uri")),
            ("algorithm", algorithm.to_owned()),
        ];
        let values = values
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        out += &format!("  {}\n", lang.with("key-list-key", &values));
    }
    if token["logged_in"] == false {
        out += &format!("  {}\n", lang.text("key-list-no-pin"));
    }
    for certificate in token["certificates"].as_array().into_iter().flatten() {
        let values = ["uri", "subject", "not_before", "not_after"]
            .map(|name| (name, field(certificate, name)));
        let values = values
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        out += &format!("  {}\n", lang.with("key-list-certificate", &values));
    }
    out
}
