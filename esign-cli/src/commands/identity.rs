//! Who a certificate is for, as flags.

use esign_core::x509::{
    Fin, Host, Identity, NaturalPerson, Organization, OrganizationIdentifier, OrganizationScheme,
    PersonIdentifier, Voen,
};

use crate::failure::Failure;

/// Flags that say whom a certificate is for.
#[derive(clap::Args)]
pub(crate) struct IdentityArgs {
    /// FİN of a natural person
    #[arg(long, conflicts_with_all = ["passport", "voen"])]
    fin: Option<String>,
    /// Passport of a natural person without a FİN: country and number, such as TR-U1234567
    #[arg(long, value_name = "CC-NUMBER", conflicts_with = "voen")]
    passport: Option<String>,
    /// Given name of a natural person
    #[arg(long)]
    given_name: Option<String>,
    /// Surname of a natural person
    #[arg(long)]
    surname: Option<String>,
    /// VÖEN of a legal person
    #[arg(long)]
    voen: Option<String>,
    /// Legal person; with a natural person, the one he acts for
    #[arg(long)]
    organization: Option<String>,
    /// Name of the legal person's system or office [default: the organisation]
    #[arg(long)]
    name: Option<String>,
    /// DNS name or IP address of a host, for TLS; several times for several, with --organization
    #[arg(long, value_name = "NAME", conflicts_with_all = ["fin", "passport", "voen"])]
    host: Vec<String>,
}

impl IdentityArgs {
    /// The identity that the flags describe.
    pub(super) fn resolve(&self) -> Result<Identity, Failure> {
        let wrong = |e: &dyn std::fmt::Display| Failure::new(e.to_string());
        if !self.host.is_empty() {
            return Ok(Identity::Host(Host {
                names: self.host.clone(),
                organization: needed(self.organization.as_ref(), "--organization")?,
                country: "AZ".to_owned(),
            }));
        }
        let identifier = match (&self.fin, &self.passport, &self.voen) {
            (Some(fin), ..) => PersonIdentifier::Fin(Fin::parse(fin).map_err(|e| wrong(&e))?),
            (None, Some(passport), _) => {
                let (country, number) = passport.split_once('-').ok_or_else(|| {
                    Failure::new(format!(
                        "--passport: \"{passport}\" is not a country, \"-\" and a number"
                    ))
                })?;
                PersonIdentifier::Passport {
                    country: country.to_owned(),
                    number: number.to_owned(),
                }
            }
            (None, None, Some(voen)) => return self.organization(voen),
            (None, None, None) => {
                return Err(Failure::new("nobody is named")
                    .hint("a natural person has --fin or --passport, a legal person --voen, a host --host"));
            }
        };
        if self.name.is_some() {
            return Err(Failure::new(
                "--name is for legal persons; a natural person has --given-name and --surname",
            ));
        }
        let country = match &identifier {
            PersonIdentifier::Passport { country, .. } => country.clone(),
            _ => "AZ".to_owned(),
        };
        Ok(Identity::NaturalPerson(NaturalPerson {
            given_name: needed(self.given_name.as_ref(), "--given-name")?,
            surname: needed(self.surname.as_ref(), "--surname")?,
            identifier,
            country,
            organization: self.organization.clone(),
            title: None,
        }))
    }

    fn organization(&self, voen: &str) -> Result<Identity, Failure> {
        if self.given_name.is_some() || self.surname.is_some() {
            return Err(Failure::new(
                "--given-name and --surname are for natural persons, and --voen names a legal one",
            ));
        }
        let organization = needed(self.organization.as_ref(), "--organization")?;
        Ok(Identity::Organization(Organization {
            common_name: self.name.clone().unwrap_or_else(|| organization.clone()),
            organization,
            identifier: Some(OrganizationIdentifier {
                scheme: OrganizationScheme::default(),
                voen: Voen::parse(voen).map_err(|e| Failure::new(e.to_string()))?,
            }),
            country: "AZ".to_owned(),
        }))
    }
}

fn needed(value: Option<&String>, flag: &str) -> Result<String, Failure> {
    value
        .cloned()
        .ok_or_else(|| Failure::new(format!("{flag} is missing")))
}
