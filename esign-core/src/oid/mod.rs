//! Object identifiers, each one named constant with its source.

mod identifier;

pub use self::identifier::{ObjectIdentifier, OidError};

/// Declares one documented constant a line.
macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        $($(#[$doc])* pub const $name: ObjectIdentifier = ObjectIdentifier::new_unwrap($value);)*
    };
}

oids! {
    // Digests: NIST CSOR, RFC 5754, RFC 8702.
    /// id-sha1, RFC 3279 2.2.1
    SHA1 = "1.3.14.3.2.26";
    /// id-sha224, RFC 5754 2.1
    SHA224 = "2.16.840.1.101.3.4.2.4";
    /// id-sha256, RFC 5754 2.2
    SHA256 = "2.16.840.1.101.3.4.2.1";
    /// id-sha384, RFC 5754 2.3
    SHA384 = "2.16.840.1.101.3.4.2.2";
    /// id-sha512, RFC 5754 2.4
    SHA512 = "2.16.840.1.101.3.4.2.3";
    /// id-sha512-256, RFC 8017 B.1
    SHA512_256 = "2.16.840.1.101.3.4.2.6";
    /// id-sha3-256, NIST CSOR
    SHA3_256 = "2.16.840.1.101.3.4.2.8";
    /// id-sha3-384, NIST CSOR
    SHA3_384 = "2.16.840.1.101.3.4.2.9";
    /// id-sha3-512, NIST CSOR
    SHA3_512 = "2.16.840.1.101.3.4.2.10";

    // Keys and signatures.
    /// id-ecPublicKey, RFC 5480 2.1.1
    EC_PUBLIC_KEY = "1.2.840.10045.2.1";
    /// secp256r1, RFC 5480 2.1.1.1
    P256 = "1.2.840.10045.3.1.7";
    /// secp384r1, RFC 5480 2.1.1.1
    P384 = "1.3.132.0.34";
    /// secp521r1, RFC 5480 2.1.1.1
    P521 = "1.3.132.0.35";
    /// brainpoolP256r1, RFC 5639 4.1
    BRAINPOOL_P256R1 = "1.3.36.3.3.2.8.1.1.7";
    /// brainpoolP256t1, RFC 5639 4.1
    BRAINPOOL_P256T1 = "1.3.36.3.3.2.8.1.1.8";
    /// brainpoolP384r1, RFC 5639 4.1
    BRAINPOOL_P384R1 = "1.3.36.3.3.2.8.1.1.11";
    /// brainpoolP384t1, RFC 5639 4.1
    BRAINPOOL_P384T1 = "1.3.36.3.3.2.8.1.1.12";
    /// id-ml-dsa-44, RFC 9881 2
    ML_DSA_44 = "2.16.840.1.101.3.4.3.17";
    /// id-ml-dsa-65, RFC 9881 2
    ML_DSA_65 = "2.16.840.1.101.3.4.3.18";
    /// id-ml-dsa-87, RFC 9881 2
    ML_DSA_87 = "2.16.840.1.101.3.4.3.19";
    /// id-Ed25519, RFC 8410 3
    ED25519 = "1.3.101.112";
    /// rsaEncryption, RFC 8017 A.1
    RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
    /// id-RSASSA-PSS, RFC 8017 A.2.3
    RSASSA_PSS = "1.2.840.113549.1.1.10";
    /// id-mgf1, RFC 8017 A.2.1
    MGF1 = "1.2.840.113549.1.1.8";
    /// sha1WithRSAEncryption, RFC 8017 A.2.4
    SHA1_WITH_RSA = "1.2.840.113549.1.1.5";
    /// sha224WithRSAEncryption, RFC 8017 A.2.4
    SHA224_WITH_RSA = "1.2.840.113549.1.1.14";
    /// sha256WithRSAEncryption, RFC 8017 A.2.4
    SHA256_WITH_RSA = "1.2.840.113549.1.1.11";
    /// sha384WithRSAEncryption, RFC 8017 A.2.4
    SHA384_WITH_RSA = "1.2.840.113549.1.1.12";
    /// sha512WithRSAEncryption, RFC 8017 A.2.4
    SHA512_WITH_RSA = "1.2.840.113549.1.1.13";
    /// sha512-256WithRSAEncryption, RFC 8017 A.2.4
    SHA512_256_WITH_RSA = "1.2.840.113549.1.1.16";
    /// id-dsa, RFC 3279 2.3.2
    DSA = "1.2.840.10040.4.1";
    /// id-dsa-with-sha1, RFC 3279 2.2.2
    DSA_SHA1 = "1.2.840.10040.4.3";
    /// id-dsa-with-sha224, RFC 5758 3.1
    DSA_SHA224 = "2.16.840.1.101.3.4.3.1";
    /// id-dsa-with-sha256, RFC 5758 3.1
    DSA_SHA256 = "2.16.840.1.101.3.4.3.2";
    /// id-dsa-with-sha384, NIST CSOR
    DSA_SHA384 = "2.16.840.1.101.3.4.3.3";
    /// id-dsa-with-sha512, NIST CSOR
    DSA_SHA512 = "2.16.840.1.101.3.4.3.4";
    /// id-dsa-with-sha3-256, NIST CSOR
    DSA_SHA3_256 = "2.16.840.1.101.3.4.3.6";
    /// id-dsa-with-sha3-384, NIST CSOR
    DSA_SHA3_384 = "2.16.840.1.101.3.4.3.7";
    /// id-dsa-with-sha3-512, NIST CSOR
    DSA_SHA3_512 = "2.16.840.1.101.3.4.3.8";
    /// ecdsa-with-SHA1, RFC 3279 2.2.3
    ECDSA_SHA1 = "1.2.840.10045.4.1";
    /// ecdsa-with-SHA224, RFC 5758 3.2
    ECDSA_SHA224 = "1.2.840.10045.4.3.1";
    /// ecdsa-with-SHA256, RFC 5758 3.2
    ECDSA_SHA256 = "1.2.840.10045.4.3.2";
    /// ecdsa-with-SHA384, RFC 5758 3.2
    ECDSA_SHA384 = "1.2.840.10045.4.3.3";
    /// ecdsa-with-SHA512, RFC 5758 3.2
    ECDSA_SHA512 = "1.2.840.10045.4.3.4";
    /// id-ecdsa-with-sha3-256, NIST CSOR
    ECDSA_SHA3_256 = "2.16.840.1.101.3.4.3.10";
    /// id-ecdsa-with-sha3-384, NIST CSOR
    ECDSA_SHA3_384 = "2.16.840.1.101.3.4.3.11";
    /// id-ecdsa-with-sha3-512, NIST CSOR
    ECDSA_SHA3_512 = "2.16.840.1.101.3.4.3.12";
    /// id-rsassa-pkcs1-v1-5-with-sha3-256, NIST CSOR
    SHA3_256_WITH_RSA = "2.16.840.1.101.3.4.3.14";
    /// id-rsassa-pkcs1-v1-5-with-sha3-384, NIST CSOR
    SHA3_384_WITH_RSA = "2.16.840.1.101.3.4.3.15";
    /// id-rsassa-pkcs1-v1-5-with-sha3-512, NIST CSOR
    SHA3_512_WITH_RSA = "2.16.840.1.101.3.4.3.16";

    // CMS and CAdES.
    /// id-data, RFC 5652 4
    DATA = "1.2.840.113549.1.7.1";
    /// id-signedData, RFC 5652 5.1
    SIGNED_DATA = "1.2.840.113549.1.7.2";
    /// id-contentType, RFC 5652 11.1
    CONTENT_TYPE = "1.2.840.113549.1.9.3";
    /// id-messageDigest, RFC 5652 11.2
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
    /// id-signingTime, RFC 5652 11.3
    SIGNING_TIME = "1.2.840.113549.1.9.5";
    /// id-countersignature, RFC 5652 11.4
    COUNTERSIGNATURE = "1.2.840.113549.1.9.6";
    /// id-aa-CMSAlgorithmProtection, RFC 6211
    CMS_ALGORITHM_PROTECTION = "1.2.840.113549.1.9.52";
    /// id-aa-signingCertificate, RFC 5035 5.4
    SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
    /// id-aa-signingCertificateV2, RFC 5035 3
    SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
    /// id-aa-ets-sigPolicyId, EN 319 122-1 5.2.9.1
    SIGNATURE_POLICY_ID = "1.2.840.113549.1.9.16.2.15";
    /// id-aa-ets-commitmentType, EN 319 122-1 5.2.3
    COMMITMENT_TYPE = "1.2.840.113549.1.9.16.2.16";
    /// id-aa-ets-signerLocation, EN 319 122-1 5.2.5
    SIGNER_LOCATION = "1.2.840.113549.1.9.16.2.17";
    /// id-aa-contentHint, RFC 2634 2.9
    CONTENT_HINTS = "1.2.840.113549.1.9.16.2.4";
    /// id-aa-ets-mimeType, EN 319 122-1 5.2.5.2
    MIME_TYPE = "0.4.0.1733.2.1";
    /// id-aa-ets-archiveTimestampV3, EN 319 122-1 5.5.3
    ARCHIVE_TIME_STAMP_V3 = "0.4.0.1733.2.4";
    /// id-aa-ATSHashIndex, TS 101 733 2.2.1 6.4.2
    ATS_HASH_INDEX = "0.4.0.1733.2.5";
    /// id-aa-ATSHashIndex-v2, EN 319 122-1 1.0.0
    ATS_HASH_INDEX_V2 = "0.4.0.19122.1.4";
    /// id-aa-ATSHashIndex-v3, EN 319 122-1 5.5.2
    ATS_HASH_INDEX_V3 = "0.4.0.19122.1.5";
    /// id-aa-signatureTimeStampToken, EN 319 122-1 5.3
    SIGNATURE_TIME_STAMP = "1.2.840.113549.1.9.16.2.14";
    /// id-aa-ets-certificateRefs, EN 319 122-1 A.1.1.1
    CERTIFICATE_REFS = "1.2.840.113549.1.9.16.2.21";
    /// id-aa-ets-revocationRefs, EN 319 122-1 A.1.2.1
    REVOCATION_REFS = "1.2.840.113549.1.9.16.2.22";
    /// id-aa-ets-certValues, EN 319 122-1 A.1.1.2
    CERTIFICATE_VALUES = "1.2.840.113549.1.9.16.2.23";
    /// id-aa-ets-revocationValues, EN 319 122-1 A.1.2.2
    REVOCATION_VALUES = "1.2.840.113549.1.9.16.2.24";
    /// id-aa-ets-archiveTimestamp, RFC 3126 4.4.1
    ARCHIVE_TIME_STAMP = "1.2.840.113549.1.9.16.2.27";
    /// id-aa-ets-archiveTimestampV2, RFC 5126 6.4.1
    ARCHIVE_TIME_STAMP_V2 = "1.2.840.113549.1.9.16.2.48";
    /// adbe-revocationInfoArchival, ISO 32000-2 12.8.3.3.2
    ADBE_REVOCATION = "1.2.840.113583.1.1.8";
    /// id-aa-ets-escTimeStamp, EN 319 122-1 A.1.5.2
    ESC_TIME_STAMP = "1.2.840.113549.1.9.16.2.25";
    /// id-aa-ets-certCRLTimestamp, EN 319 122-1 A.1.5.1
    CERT_CRL_TIME_STAMP = "1.2.840.113549.1.9.16.2.26";
    /// id-aa-ets-contentTimestamp, EN 319 122-1 5.2.8
    CONTENT_TIME_STAMP = "1.2.840.113549.1.9.16.2.20";
    /// id-spq-ets-uri, EN 319 122-1 5.2.9.1
    SP_URI = "1.2.840.113549.1.9.16.5.1";
    /// id-cti-ets-proofOfOrigin, RFC 5126 5.11.1
    PROOF_OF_ORIGIN = "1.2.840.113549.1.9.16.6.1";
    /// id-cti-ets-proofOfReceipt, RFC 5126 5.11.1
    PROOF_OF_RECEIPT = "1.2.840.113549.1.9.16.6.2";
    /// id-cti-ets-proofOfDelivery, RFC 5126 5.11.1
    PROOF_OF_DELIVERY = "1.2.840.113549.1.9.16.6.3";
    /// id-cti-ets-proofOfSender, RFC 5126 5.11.1
    PROOF_OF_SENDER = "1.2.840.113549.1.9.16.6.4";
    /// id-cti-ets-proofOfApproval, RFC 5126 5.11.1
    PROOF_OF_APPROVAL = "1.2.840.113549.1.9.16.6.5";
    /// id-cti-ets-proofOfCreation, RFC 5126 5.11.1
    PROOF_OF_CREATION = "1.2.840.113549.1.9.16.6.6";
    /// id-ct-TSTInfo, RFC 3161 2.4.2
    TST_INFO = "1.2.840.113549.1.9.16.1.4";

    // Attributes of names.
    /// id-at-commonName, X.520
    COMMON_NAME = "2.5.4.3";
    /// id-at-surname, X.520
    SURNAME = "2.5.4.4";
    /// id-at-serialNumber, X.520
    SERIAL_NUMBER = "2.5.4.5";
    /// id-at-countryName, X.520
    COUNTRY = "2.5.4.6";
    /// id-at-localityName, X.520
    LOCALITY = "2.5.4.7";
    /// id-at-stateOrProvinceName, X.520
    STATE = "2.5.4.8";
    /// id-at-organizationName, X.520
    ORGANIZATION = "2.5.4.10";
    /// id-at-organizationalUnitName, X.520
    ORGANIZATIONAL_UNIT = "2.5.4.11";
    /// id-at-title, X.520
    TITLE = "2.5.4.12";
    /// id-at-givenName, X.520
    GIVEN_NAME = "2.5.4.42";
    /// id-at-pseudonym, X.520
    PSEUDONYM = "2.5.4.65";
    /// id-at-organizationIdentifier, X.520
    ORGANIZATION_IDENTIFIER = "2.5.4.97";
    /// emailAddress, RFC 2985 5.2.1
    EMAIL_ADDRESS = "1.2.840.113549.1.9.1";
    /// domainComponent, RFC 4519 2.4
    DOMAIN_COMPONENT = "0.9.2342.19200300.100.1.25";
    /// uid, RFC 4519 2.39
    USER_ID = "0.9.2342.19200300.100.1.1";

    // Extensions of certificates, CRLs and requests.
    /// id-ce-subjectKeyIdentifier, RFC 5280 4.2.1.2
    SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
    /// id-ce-keyUsage, RFC 5280 4.2.1.3
    KEY_USAGE = "2.5.29.15";
    /// id-ce-subjectAltName, RFC 5280 4.2.1.6
    SUBJECT_ALT_NAME = "2.5.29.17";
    /// id-ce-issuerAltName, RFC 5280 4.2.1.7
    ISSUER_ALT_NAME = "2.5.29.18";
    /// id-ce-basicConstraints, RFC 5280 4.2.1.9
    BASIC_CONSTRAINTS = "2.5.29.19";
    /// id-ce-cRLNumber, RFC 5280 5.2.3
    CRL_NUMBER = "2.5.29.20";
    /// id-ce-cRLReasons, RFC 5280 5.3.1
    CRL_REASON = "2.5.29.21";
    /// id-ce-invalidityDate, RFC 5280 5.3.2
    INVALIDITY_DATE = "2.5.29.24";
    /// id-ce-deltaCRLIndicator, RFC 5280 5.2.4
    DELTA_CRL_INDICATOR = "2.5.29.27";
    /// id-ce-issuingDistributionPoint, RFC 5280 5.2.5
    ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
    /// id-ce-certificateIssuer, RFC 5280 5.3.3
    CERTIFICATE_ISSUER = "2.5.29.29";
    /// id-ce-nameConstraints, RFC 5280 4.2.1.10
    NAME_CONSTRAINTS = "2.5.29.30";
    /// id-ce-cRLDistributionPoints, RFC 5280 4.2.1.13
    CRL_DISTRIBUTION_POINTS = "2.5.29.31";
    /// id-ce-certificatePolicies, RFC 5280 4.2.1.4
    CERTIFICATE_POLICIES = "2.5.29.32";
    /// anyPolicy, RFC 5280 4.2.1.4
    ANY_POLICY = "2.5.29.32.0";
    /// id-ce-policyMappings, RFC 5280 4.2.1.5
    POLICY_MAPPINGS = "2.5.29.33";
    /// id-ce-authorityKeyIdentifier, RFC 5280 4.2.1.1
    AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
    /// id-ce-policyConstraints, RFC 5280 4.2.1.11
    POLICY_CONSTRAINTS = "2.5.29.36";
    /// id-ce-extKeyUsage, RFC 5280 4.2.1.12
    EXT_KEY_USAGE = "2.5.29.37";
    /// id-ce-freshestCRL, RFC 5280 4.2.1.15
    FRESHEST_CRL = "2.5.29.46";
    /// id-ce-inhibitAnyPolicy, RFC 5280 4.2.1.14
    INHIBIT_ANY_POLICY = "2.5.29.54";
    /// id-ce-noRevAvail, RFC 9608
    NO_REV_AVAIL = "2.5.29.56";
    /// id-ce-expiredCertsOnCRL, X.509 9.5.2.8
    EXPIRED_CERTS_ON_CRL = "2.5.29.60";
    /// id-pe-authorityInfoAccess, RFC 5280 4.2.2.1
    AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";
    /// id-pe-qcStatements, RFC 3739 3.2.6
    QC_STATEMENTS = "1.3.6.1.5.5.7.1.3";
    /// id-pe-subjectInfoAccess, RFC 5280 4.2.2.2
    SUBJECT_INFO_ACCESS = "1.3.6.1.5.5.7.1.11";
    /// id-ad-ocsp, RFC 5280 4.2.2.1
    AD_OCSP = "1.3.6.1.5.5.7.48.1";
    /// id-ad-caIssuers, RFC 5280 4.2.2.1
    AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2";
    /// id-pkix-ocsp-basic, RFC 6960 4.2.1
    OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1";
    /// id-pkix-ocsp-nonce, RFC 9654 2.1
    OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2";
    /// id-pkix-ocsp-crl, RFC 6960 4.4.2
    OCSP_CRL = "1.3.6.1.5.5.7.48.1.3";
    /// id-pkix-ocsp-response, RFC 6960 4.4.3
    OCSP_RESPONSE = "1.3.6.1.5.5.7.48.1.4";
    /// id-pkix-ocsp-archive-cutoff, RFC 6960 4.4.4
    OCSP_ARCHIVE_CUTOFF = "1.3.6.1.5.5.7.48.1.6";
    /// id-pkix-ocsp-extended-revoke, RFC 6960 4.4.8
    OCSP_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9";
    /// id-ri-ocsp-response, RFC 5940 2.1
    RI_OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2";
    /// id-pkix-ocsp-nocheck, RFC 6960 4.2.2.2.1
    OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5";
    /// extensionRequest, RFC 2985 5.4.2
    EXTENSION_REQUEST = "1.2.840.113549.1.9.14";

    /// id-qt-cps, RFC 5280 4.2.1.4
    QT_CPS = "1.3.6.1.5.5.7.2.1";
    /// id-qt-unotice, RFC 5280 4.2.1.4
    QT_UNOTICE = "1.3.6.1.5.5.7.2.2";


    // Statements of qualified certificates.
    /// id-qcs-pkixQCSyntax-v2, RFC 3739 3.2.6
    QCS_PKIX_V2 = "1.3.6.1.5.5.7.11.2";
    /// id-etsi-qcs-SemanticsId-Natural, EN 319 412-1 5.1.3
    SEMANTICS_NATURAL = "0.4.0.194121.1.1";
    /// id-etsi-qcs-SemanticsId-Legal, EN 319 412-1 5.1.4
    SEMANTICS_LEGAL = "0.4.0.194121.1.2";
    /// id-etsi-qcs-QcCompliance, EN 319 412-5 4.2.1
    QC_COMPLIANCE = "0.4.0.1862.1.1";
    /// id-etsi-qcs-QcRetentionPeriod, EN 319 412-5 4.3.3
    QC_RETENTION_PERIOD = "0.4.0.1862.1.3";
    /// id-etsi-qcs-QcSSCD, EN 319 412-5 4.2.2
    QC_SSCD = "0.4.0.1862.1.4";
    /// id-etsi-qcs-QcPDS, EN 319 412-5 4.3.4
    QC_PDS = "0.4.0.1862.1.5";
    /// id-etsi-qcs-QcType, EN 319 412-5 4.2.3
    QC_TYPE = "0.4.0.1862.1.6";
    /// id-etsi-qct-esign, EN 319 412-5 4.2.3
    QCT_ESIGN = "0.4.0.1862.1.6.1";
    /// id-etsi-qct-eseal, EN 319 412-5 4.2.3
    QCT_ESEAL = "0.4.0.1862.1.6.2";
    /// id-etsi-qcs-QcCClegislation, EN 319 412-5 4.2.4
    QC_CC_LEGISLATION = "0.4.0.1862.1.7";

    /// id-etsi-ext-valassured-ST-certs, EN 319 412-1 5.2.2
    VALIDITY_ASSURED_SHORT_TERM = "0.4.0.194121.2.1";

    // Extended key usages.
    /// anyExtendedKeyUsage, RFC 5280 4.2.1.12
    ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";
    /// id-kp-serverAuth, RFC 5280 4.2.1.12
    KP_SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
    /// id-kp-clientAuth, RFC 5280 4.2.1.12
    KP_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
    /// id-kp-emailProtection, RFC 5280 4.2.1.12
    KP_EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4";
    /// id-kp-timeStamping, RFC 5280 4.2.1.12
    KP_TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
    /// id-kp-OCSPSigning, RFC 5280 4.2.1.12
    KP_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
    /// id-kp-documentSigning, RFC 9336 3
    KP_DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36";

    // Password-based encryption of keys: RFC 8018, RFC 7914, RFC 7292, RFC 9579.
    /// id-PBES2, RFC 8018 A.4
    PBES2 = "1.2.840.113549.1.5.13";
    /// id-PBKDF2, RFC 8018 A.2
    PBKDF2 = "1.2.840.113549.1.5.12";
    /// id-PBMAC1, RFC 8018 A.5
    PBMAC1 = "1.2.840.113549.1.5.14";
    /// id-scrypt, RFC 7914 7
    SCRYPT = "1.3.6.1.4.1.11591.4.11";
    /// pbeWithMD5AndDES-CBC, RFC 8018 A.3
    PBE_MD5_DES_CBC = "1.2.840.113549.1.5.3";
    /// pbeWithSHA1AndDES-CBC, RFC 8018 A.3
    PBE_SHA1_DES_CBC = "1.2.840.113549.1.5.10";
    /// pbeWithSHAAnd3-KeyTripleDES-CBC, RFC 7292 C
    PBE_SHA1_3DES3_CBC = "1.2.840.113549.1.12.1.3";
    /// pbeWithSHAAnd2-KeyTripleDES-CBC, RFC 7292 C
    PBE_SHA1_3DES2_CBC = "1.2.840.113549.1.12.1.4";
    /// pbeWithSHAAnd128BitRC2-CBC, RFC 7292 C
    PBE_SHA1_RC2_128_CBC = "1.2.840.113549.1.12.1.5";
    /// pbeWithSHAAnd40BitRC2-CBC, RFC 7292 C
    PBE_SHA1_RC2_40_CBC = "1.2.840.113549.1.12.1.6";
    /// id-hmacWithSHA1, RFC 8018 B.1.1
    HMAC_SHA1 = "1.2.840.113549.2.7";
    /// id-hmacWithSHA256, RFC 8018 B.1.2
    HMAC_SHA256 = "1.2.840.113549.2.9";
    /// id-hmacWithSHA384, RFC 8018 B.1.2
    HMAC_SHA384 = "1.2.840.113549.2.10";
    /// id-hmacWithSHA512, RFC 8018 B.1.2
    HMAC_SHA512 = "1.2.840.113549.2.11";
    /// aes128-CBC-PAD, RFC 8018 B.2.5
    AES_128_CBC = "2.16.840.1.101.3.4.1.2";
    /// aes192-CBC-PAD, RFC 8018 B.2.5
    AES_192_CBC = "2.16.840.1.101.3.4.1.22";
    /// aes256-CBC-PAD, RFC 8018 B.2.5
    AES_256_CBC = "2.16.840.1.101.3.4.1.42";
    /// des-EDE3-CBC, RFC 8018 B.2.2
    DES_EDE3_CBC = "1.2.840.113549.3.7";

    // Names.
    /// id-on-SmtpUTF8Mailbox, RFC 9598 3
    SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9";

    // PKCS#12.
    /// id-encryptedData, RFC 5652 8
    ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
    /// keyBag, RFC 7292 4.2.1
    KEY_BAG = "1.2.840.113549.1.12.10.1.1";
    /// pkcs8ShroudedKeyBag, RFC 7292 4.2.2
    SHROUDED_KEY_BAG = "1.2.840.113549.1.12.10.1.2";
    /// certBag, RFC 7292 4.2.3
    CERT_BAG = "1.2.840.113549.1.12.10.1.3";
    /// safeContentsBag, RFC 7292 4.2.6
    SAFE_CONTENTS_BAG = "1.2.840.113549.1.12.10.1.6";
    /// x509Certificate, RFC 2985 5.6.1
    X509_CERTIFICATE = "1.2.840.113549.1.9.22.1";
    /// friendlyName, RFC 2985 5.5.1
    FRIENDLY_NAME = "1.2.840.113549.1.9.20";
    /// localKeyId, RFC 2985 5.5.2
    LOCAL_KEY_ID = "1.2.840.113549.1.9.21";
}
