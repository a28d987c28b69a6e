//! Certificates, lists and responses put together field by field, sound until a test breaks one.

pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let n = value.len();
    match n {
        0..=127 => out.push(n as u8),
        128..=255 => out.extend([0x81, n as u8]),
        _ => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(value);
    out
}

pub(crate) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    let id = esign_core::oid::ObjectIdentifier::new(text).unwrap();
    tlv(6, id.as_bytes())
}

pub(crate) fn null() -> Vec<u8> {
    vec![5, 0]
}

/// One attribute in an RDN of its own.
pub(crate) fn attr(id: &str, tag: u8, value: &str) -> (String, Vec<u8>) {
    let one = seq(&[oid(id), tlv(tag, value.as_bytes())]);
    (id.to_owned(), tlv(0x31, &one))
}

pub(crate) type Attrs = Vec<(String, Vec<u8>)>;

pub(crate) fn name(attrs: &Attrs) -> Vec<u8> {
    seq(&attrs.iter().map(|a| a.1.clone()).collect::<Vec<_>>())
}

pub(crate) fn utf8(id: &str, value: &str) -> (String, Vec<u8>) {
    attr(id, 0x0c, value)
}

pub(crate) fn printable(id: &str, value: &str) -> (String, Vec<u8>) {
    attr(id, 0x13, value)
}

pub(crate) struct Ext {
    pub(crate) id: String,
    pub(crate) critical: Option<u8>,
    pub(crate) value: Vec<u8>,
}

pub(crate) fn ext(id: &str, critical: bool, value: Vec<u8>) -> Ext {
    Ext {
        id: id.to_owned(),
        critical: critical.then_some(0xff),
        value,
    }
}

pub(crate) fn extensions(all: &[Ext]) -> Vec<u8> {
    let one = |e: &Ext| {
        let mut parts = vec![oid(&e.id)];
        parts.extend(e.critical.map(|c| tlv(1, &[c])));
        parts.push(tlv(4, &e.value));
        seq(&parts)
    };
    seq(&all.iter().map(one).collect::<Vec<_>>())
}

pub(crate) struct Cert {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner: Vec<u8>,
    pub(crate) outer: Vec<u8>,
    pub(crate) issuer: Attrs,
    pub(crate) subject: Attrs,
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) unique: Vec<u8>,
    pub(crate) exts: Vec<Ext>,
    /// Written in place of `exts`.
    pub(crate) raw_exts: Option<Vec<u8>>,
}

pub(crate) const C: &str = "2.5.4.6";
pub(crate) const O: &str = "2.5.4.10";
pub(crate) const CN: &str = "2.5.4.3";
pub(crate) const SN: &str = "2.5.4.5";
pub(crate) const ORG_ID: &str = "2.5.4.97";
pub(crate) const GIVEN: &str = "2.5.4.42";
pub(crate) const SURNAME: &str = "2.5.4.4";
pub(crate) const MAIL: &str = "1.2.840.113549.1.9.1";

pub(crate) const KU: &str = "2.5.29.15";
pub(crate) const BC: &str = "2.5.29.19";
pub(crate) const SAN: &str = "2.5.29.17";
pub(crate) const EKU: &str = "2.5.29.37";
pub(crate) const AKI: &str = "2.5.29.35";
pub(crate) const SKI: &str = "2.5.29.14";
pub(crate) const CRLDP: &str = "2.5.29.31";
pub(crate) const AIA: &str = "1.3.6.1.5.5.7.1.1";
pub(crate) const CP: &str = "2.5.29.32";
pub(crate) const QC: &str = "1.3.6.1.5.5.7.1.3";

pub(crate) fn uri(u: &str) -> Vec<u8> {
    tlv(0x86, u.as_bytes())
}

pub(crate) fn points(u: &str) -> Vec<u8> {
    seq(&[seq(&[tlv(0xa0, &tlv(0xa0, &uri(u)))])])
}

pub(crate) fn access(method: &str, u: &str) -> Vec<u8> {
    seq(&[oid(&format!("1.3.6.1.5.5.7.48.{method}")), uri(u)])
}

pub(crate) fn aia(issuers: &str, ocsp: &str) -> Vec<u8> {
    seq(&[access("2", issuers), access("1", ocsp)])
}

pub(crate) fn policy(id: &str) -> Vec<u8> {
    seq(&[seq(&[oid(id)])])
}

pub(crate) fn qualifier(id: &str, qualifier: &str, value: Vec<u8>) -> Vec<u8> {
    seq(&[seq(&[oid(id), seq(&[seq(&[oid(qualifier), value])])])])
}

pub(crate) fn ecdsa() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

/// The base point of P-256 (SEC 2 2.4.2), which is a public key as good as any.
const P256_POINT: &[u8] = &[
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
    0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
    0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
];

pub(crate) fn ec_key() -> Vec<u8> {
    let mut bits = vec![0, 4];
    bits.extend(P256_POINT);
    seq(&[
        seq(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]),
        tlv(3, &bits),
    ])
}

pub(crate) fn rsa_key(octets: usize, exponent: &[u8]) -> Vec<u8> {
    let mut modulus = vec![0];
    modulus.resize(octets + 1, 0xd5);
    let mut bits = vec![0];
    bits.extend(seq(&[tlv(2, &modulus), tlv(2, exponent)]));
    seq(&[seq(&[oid("1.2.840.113549.1.1.1"), null()]), tlv(3, &bits)])
}

/// `AlgorithmIdentifier` of RSASSA-PSS with these fields.
pub(crate) fn pss(fields: &[Vec<u8>]) -> Vec<u8> {
    seq(&[oid("1.2.840.113549.1.1.10"), seq(fields)])
}

fn hash(n: u8) -> Vec<u8> {
    seq(&[oid(&format!("2.16.840.1.101.3.4.2.{n}")), null()])
}

/// `hashAlgorithm` out of the arc of SHA-2 and SHA-3; 1 is SHA-256.
pub(crate) fn pss_hash(n: u8) -> Vec<u8> {
    tlv(0xa0, &hash(n))
}

pub(crate) fn pss_mask(function: &str, n: u8) -> Vec<u8> {
    tlv(0xa1, &seq(&[oid(function), hash(n)]))
}

pub(crate) fn pss_salt(octets: u8) -> Vec<u8> {
    tlv(0xa2, &tlv(2, &[octets]))
}

pub(crate) const MGF1: &str = "1.2.840.113549.1.1.8";

/// SHA-256 throughout.
pub(crate) fn sound_pss() -> Vec<Vec<u8>> {
    vec![pss_hash(1), pss_mask(MGF1, 1), pss_salt(32)]
}

pub(crate) fn pss_key(algorithm: Vec<u8>) -> Vec<u8> {
    let mut modulus = vec![0];
    modulus.resize(257, 0xd5);
    let mut bits = vec![0];
    bits.extend(seq(&[tlv(2, &modulus), tlv(2, &[1, 0, 1])]));
    seq(&[algorithm, tlv(3, &bits)])
}

/// QCStatement under 0.4.0.1862.1, with or without a value.
pub(crate) fn qc(n: &str, info: Option<Vec<u8>>) -> Vec<u8> {
    let mut parts = vec![oid(&format!("0.4.0.1862.1.{n}"))];
    parts.extend(info);
    seq(&parts)
}

pub(crate) fn pds(url: &str, language: &str) -> Vec<u8> {
    seq(&[tlv(0x16, url.as_bytes()), tlv(0x13, language.as_bytes())])
}

pub(crate) fn semantics(n: u8) -> Vec<u8> {
    seq(&[
        oid("1.3.6.1.5.5.7.11.2"),
        seq(&[oid(&format!("0.4.0.194121.1.{n}"))]),
    ])
}

pub(crate) fn qualified(kind: &str, sematics: u8) -> Vec<Vec<u8>> {
    vec![
        qc("1", None),
        qc("4", None),
        qc("5", Some(seq(&[pds("https://a.example/en", "en")]))),
        qc("6", Some(seq(&[oid(&format!("0.4.0.1862.1.6.{kind}"))]))),
        semantics(sematics),
    ]
}

impl Cert {
    /// Signed by RSASSA-PSS with these parameters.
    pub(crate) fn pss(&mut self, fields: &[Vec<u8>]) {
        self.inner = pss(fields);
        self.outer = self.inner.clone();
    }

    /// Sound by RFC 5280 alone.
    pub(crate) fn pkix() -> Self {
        Self {
            version: tlv(0xa0, &tlv(2, &[2])),
            serial: tlv(2, &[0x12, 1, 2, 3, 4, 5, 6, 7, 8]),
            inner: ecdsa(),
            outer: ecdsa(),
            issuer: vec![
                printable(C, "AZ"),
                utf8(O, "Mərkəz"),
                utf8(ORG_ID, "VATAZ-1234567891"),
                utf8(CN, "CA"),
            ],
            subject: vec![printable(C, "AZ"), utf8(CN, "Somebody")],
            from: tlv(0x17, b"260101000000Z"),
            to: tlv(0x17, b"270101000000Z"),
            key: ec_key(),
            unique: Vec::new(),
            exts: vec![
                ext(AKI, false, seq(&[tlv(0x80, &[1; 20])])),
                ext(SKI, false, tlv(4, &[2; 20])),
                ext(KU, true, tlv(3, &[6, 0x40])),
                ext(CP, false, policy("1.2.3.4")),
                ext(CRLDP, false, points("http://a.example/ca.crl")),
                ext(
                    AIA,
                    false,
                    aia("http://a.example/ca.cer", "http://a.example"),
                ),
            ],
            raw_exts: None,
        }
    }

    pub(crate) fn natural() -> Self {
        let mut c = Self::pkix();
        c.subject = vec![
            printable(C, "AZ"),
            utf8(GIVEN, "Aysel"),
            utf8(SURNAME, "Məmmədova"),
            printable(SN, "PNOAZ-1AB2C3D"),
            utf8(CN, "Aysel Məmmədova"),
        ];
        c.set(CP, false, policy("0.4.0.194112.1.2"));
        c.set(QC, false, seq(&qualified("1", 1)));
        c
    }

    pub(crate) fn legal() -> Self {
        let mut c = Self::pkix();
        c.subject = vec![
            printable(C, "AZ"),
            utf8(O, "Sınaq MMC"),
            utf8(ORG_ID, "VATAZ-1234567891"),
            utf8(CN, "Sınaq möhürü"),
        ];
        c.set(CP, false, policy("0.4.0.194112.1.3"));
        c.set(QC, false, seq(&qualified("2", 2)));
        c
    }

    pub(crate) fn ca() -> Self {
        let mut c = Self::pkix();
        c.set(BC, true, seq(&[tlv(1, &[0xff]), tlv(2, &[0])]));
        c.set(KU, true, tlv(3, &[1, 6]));
        c
    }

    pub(crate) fn purpose(purpose: &str, critical: bool) -> Self {
        let mut c = Self::pkix();
        c.set(KU, true, tlv(3, &[7, 0x80]));
        c.set(
            EKU,
            critical,
            seq(&[oid(&format!("1.3.6.1.5.5.7.3.{purpose}"))]),
        );
        c
    }

    pub(crate) fn server() -> Self {
        let mut c = Self::purpose("1", false);
        c.subject = vec![utf8(CN, "a.example")];
        c.set(SAN, false, seq(&[tlv(0x82, b"a.example")]));
        c
    }

    /// Puts an extension in, in place of one that is there.
    pub(crate) fn set(&mut self, id: &str, critical: bool, value: Vec<u8>) {
        let new = ext(id, critical, value);
        match self.exts.iter_mut().find(|e| e.id == id) {
            Some(old) => *old = new,
            None => self.exts.push(new),
        }
    }

    pub(crate) fn drop(&mut self, id: &str) {
        self.exts.retain(|e| e.id != id);
    }

    pub(crate) fn critical(&mut self, id: &str, critical: bool) {
        let e = self.exts.iter_mut().find(|e| e.id == id).unwrap();
        e.critical = critical.then_some(0xff);
    }

    /// Replaces an attribute of the subject by what is given, or takes it out.
    pub(crate) fn subject(&mut self, id: &str, new: Option<(String, Vec<u8>)>) {
        self.subject.retain(|a| a.0 != id);
        self.subject.extend(new);
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.signed(|_| Vec::new())
    }

    pub(crate) fn signed(&self, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut tbs = vec![
            self.version.clone(),
            self.serial.clone(),
            self.inner.clone(),
            name(&self.issuer),
            seq(&[self.from.clone(), self.to.clone()]),
            name(&self.subject),
            self.key.clone(),
            self.unique.clone(),
        ];
        match &self.raw_exts {
            Some(raw) => tbs.push(raw.clone()),
            None => tbs.push(tlv(0xa3, &extensions(&self.exts))),
        }
        let tbs = seq(&tbs);
        let mut signature = vec![0];
        signature.extend(sign(&tbs));
        seq(&[tbs, self.outer.clone(), tlv(3, &signature)])
    }
}

/// A CRL with one entry.
pub(crate) struct List {
    pub(crate) version: Vec<u8>,
    pub(crate) inner: Vec<u8>,
    pub(crate) outer: Vec<u8>,
    pub(crate) issuer: Attrs,
    pub(crate) this: Vec<u8>,
    pub(crate) next: Vec<u8>,
    pub(crate) entries: Option<Vec<Vec<u8>>>,
    pub(crate) exts: Vec<Ext>,
}

pub(crate) fn entry(serial: &[u8], exts: &[Ext]) -> Vec<u8> {
    let mut parts = vec![tlv(2, serial), tlv(0x17, b"260101000000Z")];
    if !exts.is_empty() {
        parts.push(extensions(exts));
    }
    seq(&parts)
}

impl List {
    pub(crate) fn good() -> Self {
        Self {
            version: tlv(2, &[1]),
            inner: ecdsa(),
            outer: ecdsa(),
            issuer: vec![utf8(CN, "CA")],
            this: tlv(0x17, b"260101000000Z"),
            next: tlv(0x17, b"260102000000Z"),
            entries: Some(vec![entry(
                &[5],
                &[ext("2.5.29.21", false, vec![10, 1, 4])],
            )]),
            exts: vec![
                ext(AKI, false, seq(&[tlv(0x80, &[1; 20])])),
                ext("2.5.29.20", false, tlv(2, &[1])),
            ],
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let mut tbs = vec![
            self.version.clone(),
            self.inner.clone(),
            name(&self.issuer),
            self.this.clone(),
            self.next.clone(),
        ];
        tbs.extend(self.entries.as_ref().map(|e| seq(e)));
        if !self.exts.is_empty() {
            tbs.push(tlv(0xa0, &extensions(&self.exts)));
        }
        seq(&[seq(&tbs), self.outer.clone(), tlv(3, &[0])])
    }
}

/// An OCSP response with one answer.
pub(crate) struct Response {
    pub(crate) status: u8,
    pub(crate) bytes: bool,
    pub(crate) version: Vec<u8>,
    pub(crate) responder: Vec<u8>,
    pub(crate) produced: Vec<u8>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) this: Vec<u8>,
    pub(crate) next: Vec<u8>,
    pub(crate) answers: usize,
    pub(crate) nonce: Option<usize>,
    pub(crate) algorithm: Vec<u8>,
}

impl Response {
    pub(crate) fn good() -> Self {
        Self {
            status: 0,
            bytes: true,
            version: Vec::new(),
            responder: tlv(0xa2, &tlv(4, &[1; 20])),
            produced: tlv(0x18, b"20260101000000Z"),
            certificate: vec![0x80, 0],
            this: tlv(0x18, b"20260101000000Z"),
            next: tlv(0x18, b"20260102000000Z"),
            answers: 1,
            nonce: Some(32),
            algorithm: ecdsa(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let one = seq(&[
            seq(&[]),
            self.certificate.clone(),
            self.this.clone(),
            tlv(0xa0, &self.next),
        ]);
        let mut data = vec![
            self.version.clone(),
            self.responder.clone(),
            self.produced.clone(),
            seq(&vec![one; self.answers]),
        ];
        if let Some(n) = self.nonce {
            let nonce = ext("1.3.6.1.5.5.7.48.1.2", false, tlv(4, &vec![7; n]));
            data.push(tlv(0xa1, &extensions(&[nonce])));
        }
        let basic = seq(&[seq(&data), self.algorithm.clone(), tlv(3, &[0])]);
        let mut parts = vec![tlv(10, &[self.status])];
        if self.bytes {
            let bytes = seq(&[oid("1.3.6.1.5.5.7.48.1.1"), tlv(4, &basic)]);
            parts.push(tlv(0xa0, &bytes));
        }
        seq(&parts)
    }
}
