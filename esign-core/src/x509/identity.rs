use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{BuildError, GeneralName, Name, NameBuilder};
use crate::oid;

/// Who a certificate is about, as vetted by the centre; never taken from a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// A human being (EN 319 412-2).
    NaturalPerson(NaturalPerson),
    /// An organisation, one of its systems, or a certification authority (EN 319 412-3).
    Organization(Organization),
    /// A machine that others reach by name, kept by an organisation (RFC 9525).
    Host(Host),
}

/// A machine on the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// DNS names and IP addresses under which it is reached, 1 to 100, the first its common name.
    pub names: Vec<String>,
    /// Full registered name of the organisation that keeps it.
    pub organization: String,
    /// Country where that is established, two letters.
    pub country: String,
}

/// A human being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NaturalPerson {
    /// Names given at birth, as in the document of identity.
    pub given_name: String,
    /// Family name.
    pub surname: String,
    /// What tells the person from every other.
    pub identifier: PersonIdentifier,
    /// Country that the identifier and the person's data are to be understood in, two letters.
    pub country: String,
    /// The organisation for which the person acts, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The person's office there, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// An organisation, one of its systems, or an authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Organization {
    /// The name by which it, or its system, is known.
    pub common_name: String,
    /// Its full registered name.
    pub organization: String,
    /// What tells it from every other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<OrganizationIdentifier>,
    /// Country where it is established, two letters.
    pub country: String,
}

/// Identifier of a natural person with its kind (EN 319 412-1 5.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonIdentifier {
    /// Number of an identity card (`IDC`) of a country.
    IdentityCard {
        /// Two letters.
        country: String,
        /// As printed.
        number: String,
    },
    /// FİN, the national personal number (`PNOAZ`).
    Fin(Fin),
    /// Number of a passport (`PAS`) of a country.
    Passport {
        /// Two letters.
        country: String,
        /// As printed.
        number: String,
    },
}

/// Identifier of a legal person with its kind (EN 319 412-1 5.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OrganizationIdentifier {
    /// Which register the number is said to be from.
    #[serde(default)]
    pub scheme: OrganizationScheme,
    /// VÖEN
    pub voen: Voen,
}

/// Prefix under which a VÖEN stands. Which one holds is not settled, so it is a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganizationScheme {
    /// `NTRAZ`, the national trade register.
    Ntr,
    /// `TINAZ`, tax identification number.
    Tin,
    /// `VATAZ`, value added tax number.
    #[default]
    Vat,
}

/// FİN: seven Latin capitals and digits without I, İ and O.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fin(String);

/// VÖEN: ten digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Voen(String);

impl Fin {
    /// Checks a FİN; small letters are taken for capitals.
    ///
    /// # Errors
    /// Not seven characters, or one that does not occur.
    pub fn parse(text: &str) -> Result<Self, BuildError> {
        let text = text.trim().to_ascii_uppercase();
        let count = text.chars().count();
        if count != 7 {
            return Err(BuildError::new(format!(
                "FİN: \"{text}\" has {count} characters, not 7"
            )));
        }
        if let Some(c) = text
            .chars()
            .find(|&c| !c.is_ascii_alphanumeric() || matches!(c, 'I' | 'O'))
        {
            return Err(BuildError::new(format!(
                "FİN: \"{c}\" in \"{text}\" is not a Latin letter or digit that a FİN has (no I, İ, O)"
            )));
        }
        Ok(Self(text))
    }

    /// The seven characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Voen {
    /// Checks a VÖEN.
    ///
    /// # Errors
    /// Not ten digits.
    pub fn parse(text: &str) -> Result<Self, BuildError> {
        let text = text.trim();
        if text.len() != 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BuildError::new(format!(
                "VÖEN: \"{text}\" is not ten digits"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// The ten digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Fin {
    type Error = BuildError;

    fn try_from(text: String) -> Result<Self, BuildError> {
        Self::parse(&text)
    }
}

impl From<Fin> for String {
    fn from(fin: Fin) -> Self {
        fin.0
    }
}

impl TryFrom<String> for Voen {
    type Error = BuildError;

    fn try_from(text: String) -> Result<Self, BuildError> {
        Self::parse(&text)
    }
}

impl From<Voen> for String {
    fn from(voen: Voen) -> Self {
        voen.0
    }
}

impl fmt::Debug for Fin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Voen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PersonIdentifier {
    /// The semantics identifier, such as `PNOAZ-5ABC123`.
    ///
    /// # Errors
    /// A country that is not two capitals, a number that is empty or has other characters than
    /// letters, digits and hyphens.
    pub fn semantics(&self) -> Result<String, BuildError> {
        let (kind, country, number) = match self {
            Self::Fin(fin) => return Ok(format!("PNOAZ-{}", fin.as_str())),
            Self::IdentityCard { country, number } => ("IDC", country, number),
            Self::Passport { country, number } => ("PAS", country, number),
        };
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(BuildError::new(format!(
                "identifier: \"{country}\" is not a two-letter country code in capitals"
            )));
        }
        if number.is_empty()
            || !number
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(BuildError::new(format!(
                "identifier: \"{number}\" is not made of letters, digits and hyphens"
            )));
        }
        Ok(format!("{kind}{country}-{number}"))
    }
}

/// The semantics identifier, such as `VATAZ-1234567891`.
impl fmt::Display for OrganizationIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.scheme {
            OrganizationScheme::Ntr => "NTRAZ",
            OrganizationScheme::Tin => "TINAZ",
            OrganizationScheme::Vat => "VATAZ",
        };
        write!(f, "{prefix}-{}", self.voen.as_str())
    }
}

impl Identity {
    /// The subject name, most general attribute first.
    ///
    /// # Errors
    /// A part is empty, too long or has characters that it may not have.
    ///
    /// # Source
    /// EN 319 412-2 4.2.4 (natural persons), 412-3 4.2.1 (legal persons).
    pub fn name(&self) -> Result<Name, BuildError> {
        match self {
            Self::NaturalPerson(p) => {
                let mut name = NameBuilder::new().with(oid::COUNTRY, &p.country);
                if let Some(organization) = &p.organization {
                    name = name.with(oid::ORGANIZATION, organization);
                }
                if let Some(title) = &p.title {
                    name = name.with(oid::TITLE, title);
                }
                name.with(oid::SURNAME, &p.surname)
                    .with(oid::GIVEN_NAME, &p.given_name)
                    .with(oid::SERIAL_NUMBER, p.identifier.semantics()?)
                    .with(oid::COMMON_NAME, format!("{} {}", p.given_name, p.surname))
                    .build()
            }
            Self::Organization(o) => {
                let mut name = NameBuilder::new()
                    .with(oid::COUNTRY, &o.country)
                    .with(oid::ORGANIZATION, &o.organization);
                if let Some(identifier) = &o.identifier {
                    name = name.with(oid::ORGANIZATION_IDENTIFIER, identifier.to_string());
                }
                name.with(oid::COMMON_NAME, &o.common_name).build()
            }
            Self::Host(h) => NameBuilder::new()
                .with(oid::COUNTRY, &h.country)
                .with(oid::ORGANIZATION, &h.organization)
                .with(oid::COMMON_NAME, h.names.first().map_or("", String::as_str))
                .build(),
        }
    }

    /// The subjectAltName that goes with it; empty for all but hosts.
    ///
    /// # Errors
    /// A name of a host is neither an IP address nor a DNS name (RFC 1034 3.5, in A-labels), or there
    /// are none or too many.
    pub fn alternative_names(&self) -> Result<Vec<GeneralName>, BuildError> {
        let Self::Host(host) = self else {
            return Ok(Vec::new());
        };
        let count = host.names.len();
        if !(1..=MAX_HOST_NAMES).contains(&count) {
            return Err(BuildError::new(format!(
                "host: has {count} names, not 1 to {MAX_HOST_NAMES}"
            )));
        }
        host.names.iter().map(|name| host_name(name)).collect()
    }
}

/// Most names of one host: what CA/B BR certificates are sold with, and a certificate of a few KiB.
const MAX_HOST_NAMES: usize = 100;

fn host_name(name: &str) -> Result<GeneralName, BuildError> {
    match name.parse() {
        Ok(IpAddr::V4(address)) => return Ok(GeneralName::Ip(address.octets().to_vec())),
        Ok(IpAddr::V6(address)) => return Ok(GeneralName::Ip(address.octets().to_vec())),
        Err(_) => {}
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(BuildError::new(format!(
            "host: \"{name}\" is neither an IP address nor a DNS name in small ASCII letters"
        )));
    }
    Ok(GeneralName::Dns(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_checked() {
        assert_eq!(Fin::parse(" 5abc12z").unwrap().as_str(), "5ABC12Z");
        for bad in [
            "", "5ABC12", "5ABC12ZZ", "5ABCI2Z", "5ABCO2Z", "5ABCİ2Z", "5ABC-2Z",
        ] {
            assert!(Fin::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Voen::parse("1234567891").unwrap().as_str(), "1234567891");
        for bad in ["", "123456789", "12345678912", "123456789x"] {
            assert!(Voen::parse(bad).is_err(), "{bad}");
        }
        let passport = |country: &str, number: &str| {
            PersonIdentifier::Passport {
                country: country.into(),
                number: number.into(),
            }
            .semantics()
        };
        assert_eq!(passport("TR", "U1234567").unwrap(), "PASTR-U1234567");
        assert!(
            passport("tr", "U1").is_err()
                && passport("TR", "").is_err()
                && passport("TR", "U 1").is_err()
        );
        let card = PersonIdentifier::IdentityCard {
            country: "GE".into(),
            number: "01AB".into(),
        };
        assert_eq!(card.semantics().unwrap(), "IDCGE-01AB");
    }
}
