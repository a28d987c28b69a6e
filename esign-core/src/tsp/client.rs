use super::verify::hex;
use super::{PkiStatus, TimeStampReq, TimeStampResp, TimeStampToken, Timestamp, verify_token};
use crate::report::{Finding, Indication, Judged, SubIndication};
use crate::time::UnixTime;
use crate::x509::Certificate;

/// What a client knows besides its request.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCheck<'a> {
    /// Certificates among which the authority's may be, where the token does not carry it.
    pub certificates: &'a [Certificate],
    /// The client's time and by how many seconds the token's may differ from it, to either side, its
    /// accuracy aside (RFC 3161 2.2). Without it a token is as fresh as its nonce.
    pub near: Option<(UnixTime, u32)>,
}

/// Judges a response to `request`, octets as received; the value is there only if it holds in
/// everything. Each refusal has both values.
///
/// # Source
/// RFC 3161 2.2 and 2.4.2.
pub fn check_response(
    request: &TimeStampReq,
    response: &[u8],
    check: &ClientCheck<'_>,
) -> Judged<Timestamp> {
    let refused = |finding| Judged {
        value: None,
        report: vec![finding],
    };
    let malformed = |what: String| {
        let f = Finding::failed(
            "tsp.response",
            "RFC 3161 2.4.2",
            SubIndication::FormatFailure,
        );
        f.with("found", what)
    };
    let response = match TimeStampResp::from_der(response) {
        Ok(response) => response,
        Err(error) => return refused(malformed(error.to_string())),
    };
    let status = &response.status;
    let Some(token) = response
        .token
        .as_deref()
        .filter(|_| status.status.is_grant())
    else {
        let later = status.status == PkiStatus::Waiting;
        let f = if later {
            Finding::indeterminate("tsp.status", "RFC 3161 2.4.2", SubIndication::TryLater)
        } else {
            Finding::failed("tsp.status", "RFC 3161 2.4.2", SubIndication::Custom)
        };
        return refused(
            f.with("status", status.status.name())
                .with("failure", status.failures())
                .with("text", status.status_string.clone()),
        );
    };
    let token = match TimeStampToken::from_der(token) {
        Ok(token) => token,
        Err(error) => return refused(malformed(error.to_string())),
    };
    let Some(imprint) = request.message_imprint.digest() else {
        return refused(
            Finding::failed(
                "tsp.request",
                "RFC 3161 2.4.1",
                SubIndication::FormatFailure,
            )
            .with("found", request.message_imprint.to_string()),
        );
    };
    let mut judged = verify_token(&token, &imprint, check.certificates);
    let mut rule = |holds, rule, clause, expected: String, found: String| {
        let f = if holds {
            Finding::passed(rule, clause)
        } else {
            Finding::failed(rule, clause, SubIndication::SigConstraintsFailure)
        };
        judged
            .report
            .push(f.with("expected", expected).with("found", found));
    };
    let said = token.tst_info();
    let none = || "none".to_owned();
    // A nonce that was not asked for does no harm, but none shall be there (RFC 3161 2.4.2).
    rule(
        said.nonce == request.nonce,
        "tsp.nonce",
        "RFC 3161 2.4.2",
        request
            .nonce
            .as_ref()
            .map_or_else(none, ToString::to_string),
        said.nonce.as_ref().map_or_else(none, ToString::to_string),
    );
    if let Some(policy) = request.req_policy {
        rule(
            said.policy == policy,
            "tsp.policy",
            "RFC 3161 2.4.2",
            policy.to_string(),
            said.policy.to_string(),
        );
    }
    let carried = token.signed_data().certificates.len();
    rule(
        request.cert_req == (carried > 0),
        "tsp.certificates",
        "RFC 3161 2.4.1",
        if request.cert_req { "some" } else { "none" }.to_owned(),
        carried.to_string(),
    );
    if let Some(critical) = said.extensions.iter().find(|e| e.critical) {
        // None is defined that is understood here (RFC 5280 4.2 on critical ones).
        let found = format!("{} with {}", critical.oid, hex(&critical.value));
        rule(false, "tsp.extensions", "RFC 3161 2.4.2", none(), found);
    }
    if let Some((now, tolerance)) = check.near {
        let accuracy = said.accuracy.map_or(0, |a| a.micros().div_ceil(1_000_000));
        let allowed = u64::from(tolerance).saturating_add(accuracy);
        let apart = now.seconds().abs_diff(said.gen_time.time.seconds());
        rule(
            apart <= allowed,
            "tsp.gen-time",
            "RFC 3161 2.2",
            format!("{now} ± {allowed} s"),
            said.gen_time.to_string(),
        );
    }
    if Finding::worst(&judged.report) != Indication::Passed {
        judged.value = None;
    }
    judged
}
