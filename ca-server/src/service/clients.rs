//! Whether a client certificate is in force, by the centre's own books.

use esign_core::time::UnixTime;
use esign_core::x509::Certificate;

use super::problem::Problem;
use crate::ids::{CertificateId, KeyId, Serial};
use crate::records::Standing;
use crate::store::Store;

/// The connection's certificate may have been revoked since the handshake, or before it: the centre
/// asks its own books each time. Its dates were checked by TLS.
pub(super) fn in_force<'a>(
    store: &dyn Store,
    authorities: impl Iterator<Item = &'a Certificate>,
    der: &[u8],
    at: UnixTime,
) -> Result<(), Problem> {
    let certificate = Certificate::from_der(der).map_err(|_| Problem::internal())?;
    if at > certificate.not_after() {
        return Err(Problem::unknown_client(format_args!(
            "certificate {} is valid until {}, it is {at}",
            certificate.serial(),
            certificate.not_after()
        )));
    }
    let serial = Serial::try_from(certificate.serial())?;
    for authority in authorities {
        if authority.subject() != certificate.issuer() {
            continue;
        }
        let id = CertificateId {
            issuer: KeyId::of_spki(authority.spki_der()),
            serial: serial.clone(),
        };
        // The very certificate, not another one under its number.
        match store.certificate(&id)? {
            Some(record) if record.certificate.as_deref() != Some(der) => {}
            Some(record) => match record.standing {
                Standing::Good => return Ok(()),
                Standing::Revoked { since, .. } => {
                    return Err(Problem::unknown_client(format_args!(
                        "certificate {} is revoked since {since}",
                        certificate.serial()
                    )));
                }
                Standing::Suspended { since, .. } => {
                    return Err(Problem::unknown_client(format_args!(
                        "certificate {} is suspended since {since}",
                        certificate.serial()
                    )));
                }
                Standing::Intended => {}
            },
            None => {}
        }
    }
    Err(Problem::unknown_client(format_args!(
        "certificate {} is not one that this centre knows",
        certificate.serial()
    )))
}
