import Crypto
import FoundationEssentials
import Glibc
import LexAPI
import LexHost
import LexIPC
import SwiftASN1
import X509

/// The server's own certificate: made at the first start, kept in `server.crt` and `server.key`.
struct ServerCertificate: Sendable {
    /// In PEM.
    let pem: String
    /// The SHA-256 of its DER form in hexadecimal digits.
    let fingerprint: String

    /// Reads the certificate in `directory`, or makes one for this host.
    static func load(from directory: String, hostName: String) async throws -> ServerCertificate {
        try await blocking {
            let path = "\(directory)/server.crt"
            if access(path, F_OK) != 0 { try make(in: directory, hostName: hostName) }
            let pem = try readFile(path)
            let certificate: Certificate
            do {
                certificate = try Certificate(pemEncoded: pem)
            } catch {
                throw APIError.failed("cannot read the server's certificate \(path): \(error)")
            }
            let der = try certificate.serializeAsPEM().derBytes
            return ServerCertificate(pem: pem, fingerprint: hex(SHA256.hash(data: Data(der))))
        }
    }

    // P-384 and ten years, as LXD makes it. The host's name must be a DNS name of it: clients take the first one as the
    // name they expect.
    private static func make(in directory: String, hostName: String) throws {
        let key = P384.Signing.PrivateKey()
        let name = try DistinguishedName {
            OrganizationName("lexd")
            CommonName("root@\(hostName)")
        }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: now, notValidAfter: now.addingTimeInterval(10 * 365 * 86400), issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA384,
            extensions: try Certificate.Extensions {
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([.serverAuth])
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames([
                    .dnsName(hostName), .ipAddress(.init(contentBytes: [127, 0, 0, 1])),
                    .ipAddress(.init(contentBytes: ArraySlice(Array(repeating: UInt8(0), count: 15) + [1]))),
                ])
            },
            issuerPrivateKey: .init(key))
        try replaceFile("\(directory)/server.key", key.pemRepresentation.utf8, mode: 0o600)
        try replaceFile("\(directory)/server.crt", try certificate.serializeAsPEM().pemString.utf8, mode: 0o644)
    }
}
