import eu.europa.esig.dss.cades.CAdESSignatureParameters;
import eu.europa.esig.dss.cades.signature.CAdESService;
import eu.europa.esig.dss.enumerations.DigestAlgorithm;
import eu.europa.esig.dss.enumerations.Indication;
import eu.europa.esig.dss.enumerations.SignatureLevel;
import eu.europa.esig.dss.enumerations.SignaturePackaging;
import eu.europa.esig.dss.model.DSSDocument;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.SignatureValue;
import eu.europa.esig.dss.model.ToBeSigned;
import eu.europa.esig.dss.model.x509.CertificateToken;
import eu.europa.esig.dss.pades.PAdESSignatureParameters;
import eu.europa.esig.dss.pades.signature.PAdESService;
import eu.europa.esig.dss.diagnostic.DiagnosticData;
import eu.europa.esig.dss.diagnostic.SignatureWrapper;
import eu.europa.esig.dss.enumerations.SignatureAlgorithm;
import eu.europa.esig.dss.enumerations.EncryptionAlgorithm;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.signature.AbstractSignatureParameters;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonCertificateSource;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import eu.europa.esig.dss.validation.reports.Reports;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * EU DSS as a judge and as a foreign signer. No network: trust, intermediates and CRLs come from files.
 *
 * verify [--integrity] [--trust PEM] [--intermediate PEM] [--crl PEM] [--content FILE] [--at TIME] FILE...   one JSON line a file
 *        --integrity: accepted means intact, whatever DSS's algorithm policy says (it does not know EdDSA as authorised)
 * sign   --format cades|pades --packaging detached|enveloping --key PKCS8.PEM --cert PEM --chain PEM IN OUT
 *        (IN that already holds a CAdES signature gets a parallel one with --content)
 */
public class JudgeDss {
    private final List<String> trust = new ArrayList<>(), intermediates = new ArrayList<>(), crls = new ArrayList<>();
    private final List<String> files = new ArrayList<>();
    private boolean integrityOnly;
    private String content, at, format = "cades", packaging = "detached", key, cert;

    public static void main(String[] args) throws Exception {
        JudgeDss judge = new JudgeDss();
        for (int i = 1; i < args.length; i++) {
            switch (args[i]) {
                case "--trust" -> judge.trust.add(args[++i]);
                case "--intermediate", "--chain" -> judge.intermediates.add(args[++i]);
                case "--crl" -> judge.crls.add(args[++i]);
                case "--integrity" -> judge.integrityOnly = true;
                case "--content" -> judge.content = args[++i];
                case "--at" -> judge.at = args[++i];
                case "--format" -> judge.format = args[++i];
                case "--packaging" -> judge.packaging = args[++i];
                case "--key" -> judge.key = args[++i];
                case "--cert" -> judge.cert = args[++i];
                default -> judge.files.add(args[i]);
            }
        }
        switch (args.length == 0 ? "" : args[0]) {
            case "verify" -> System.exit(judge.verify() ? 0 : 1);
            case "sign" -> judge.sign();
            default -> {
                System.err.println("usage: JudgeDss verify|sign ...");
                System.exit(2);
            }
        }
    }

    private CommonCertificateVerifier verifier() throws Exception {
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
        for (CertificateToken token : certificates(trust)) {
            trusted.addCertificate(token);
        }
        CommonCertificateSource adjunct = new CommonCertificateSource();
        for (CertificateToken token : certificates(intermediates)) {
            adjunct.addCertificate(token);
        }
        List<DSSDocument> lists = new ArrayList<>();
        for (byte[] der : pem(crls, "X509 CRL")) {
            lists.add(new eu.europa.esig.dss.model.InMemoryDocument(der));
        }
        verifier.setTrustedCertSources(trusted);
        verifier.setAdjunctCertSources(adjunct);
        if (!lists.isEmpty()) {
            verifier.setCrlSource(new ExternalResourcesCRLSource(lists.toArray(new DSSDocument[0])));
        }
        verifier.setAIASource(null);
        return verifier;
    }

    private boolean verify() throws Exception {
        boolean all = !files.isEmpty();
        for (String file : files) {
            StringBuilder out = new StringBuilder("{\"file\":" + quote(file) + ",");
            boolean passed;
            try {
                SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(file));
                validator.setCertificateVerifier(verifier());
                if (content != null) {
                    validator.setDetachedContents(Collections.singletonList(new FileDocument(content)));
                }
                if (at != null) {
                    validator.setValidationTime(Date.from(Instant.parse(at)));
                }
                Reports reports = validator.validateDocument();
                SimpleReport simple = reports.getSimpleReport();
                DiagnosticData data = reports.getDiagnosticData();
                passed = !simple.getSignatureIdList().isEmpty();
                out.append("\"signatures\":[");
                String comma = "";
                for (String id : simple.getSignatureIdList()) {
                    SignatureWrapper signature = data.getSignatureById(id);
                    boolean intact = signature.isSignatureIntact() && signature.isSignatureValid();
                    passed &= integrityOnly ? intact : simple.getIndication(id) == Indication.TOTAL_PASSED;
                    out.append(comma).append("{\"indication\":").append(quote(simple.getIndication(id)))
                        .append(",\"sub_indication\":").append(quote(simple.getSubIndication(id)))
                        .append(",\"level\":").append(quote(simple.getSignatureFormat(id)))
                        .append(",\"integrity\":")
                        .append(quote(intact ? "intact" : "broken"))
                        .append(",\"errors\":").append(quote(simple.getAdESValidationErrors(id).stream()
                            .map(m -> m.getValue()).toList()))
                        .append('}');
                    comma = ",";
                }
                out.append("]");
            } catch (RuntimeException refused) {
                passed = false;
                out.append("\"signatures\":[],\"refused\":").append(quote(refused.getMessage()));
            }
            System.out.println(out.append(",\"accepted\":").append(passed).append("}"));
            all &= passed;
        }
        return all;
    }

    private void sign() throws Exception {
        CertificateToken signer = certificates(List.of(cert)).get(0);
        List<CertificateToken> chain = new ArrayList<>(List.of(signer));
        chain.addAll(certificates(intermediates));
        FileDocument document = new FileDocument(files.get(0));
        DSSDocument signed;
        if (format.equals("pades")) {
            PAdESSignatureParameters parameters = new PAdESSignatureParameters();
            parameters.setSignatureLevel(SignatureLevel.PAdES_BASELINE_B);
            parameters.setReason("Sınaq");
            common(parameters, signer, chain);
            PAdESService service = new PAdESService(verifier());
            ToBeSigned bytes = service.getDataToSign(document, parameters);
            signed = service.signDocument(document, parameters, value(bytes, parameters.getSignatureAlgorithm()));
        } else {
            CAdESSignatureParameters parameters = new CAdESSignatureParameters();
            parameters.setSignatureLevel(SignatureLevel.CAdES_BASELINE_B);
            parameters.setSignaturePackaging(
                packaging.equals("detached") ? SignaturePackaging.DETACHED : SignaturePackaging.ENVELOPING);
            if (content != null) {
                parameters.setDetachedContents(Collections.singletonList(new FileDocument(content)));
            }
            common(parameters, signer, chain);
            CAdESService service = new CAdESService(verifier());
            ToBeSigned bytes = service.getDataToSign(document, parameters);
            signed = service.signDocument(document, parameters, value(bytes, parameters.getSignatureAlgorithm()));
        }
        signed.save(files.get(1));
    }

    private void common(AbstractSignatureParameters<?> parameters, CertificateToken signer,
                        List<CertificateToken> chain) {
        parameters.setSigningCertificate(signer);
        parameters.setCertificateChain(chain);
        boolean edwards = signer.getPublicKey().getAlgorithm().matches("Ed.*");
        parameters.setDigestAlgorithm(edwards ? DigestAlgorithm.SHA512 : DigestAlgorithm.SHA256);
        if (at != null) {
            parameters.bLevel().setSigningDate(Date.from(Instant.parse(at)));
        }
    }

    private SignatureValue value(ToBeSigned bytes, SignatureAlgorithm algorithm) throws Exception {
        byte[] der = pem(List.of(key), "PRIVATE KEY").get(0);
        String name = algorithm.getEncryptionAlgorithm() == EncryptionAlgorithm.ECDSA ? "EC"
            : algorithm.getEncryptionAlgorithm() == EncryptionAlgorithm.EDDSA ? "Ed25519" : "RSA";
        PrivateKey secret = KeyFactory.getInstance(name).generatePrivate(new PKCS8EncodedKeySpec(der));
        Signature signature = Signature.getInstance(algorithm.getJCEId());
        signature.initSign(secret);
        signature.update(bytes.getBytes());
        return new SignatureValue(algorithm, signature.sign());
    }

    private static List<CertificateToken> certificates(List<String> paths) throws Exception {
        List<CertificateToken> tokens = new ArrayList<>();
        for (byte[] der : pem(paths, "CERTIFICATE")) {
            tokens.add(DSSUtils.loadCertificate(new ByteArrayInputStream(der)));
        }
        return tokens;
    }

    /** The DER of every block with `label`; a file without PEM armour counts as DER. */
    private static List<byte[]> pem(List<String> paths, String label) throws Exception {
        List<byte[]> blocks = new ArrayList<>();
        for (String path : paths) {
            byte[] raw = Files.readAllBytes(Path.of(path));
            String text = new String(raw, StandardCharsets.ISO_8859_1);
            if (!text.contains("-----BEGIN ")) {
                blocks.add(raw);
                continue;
            }
            Matcher matcher = Pattern.compile("-----BEGIN " + label + "-----(.*?)-----END", Pattern.DOTALL).matcher(text);
            while (matcher.find()) {
                blocks.add(Base64.getMimeDecoder().decode(matcher.group(1)));
            }
        }
        return blocks;
    }

    private static String quote(Object value) {
        if (value == null) {
            return "null";
        }
        return "\"" + value.toString().replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("[\\x00-\\x1f]", " ") + "\"";
    }
}
