// TlsClient: OpenSSL's end of a TLS connection as a machine without a socket, and certificates made
// on the spot. The TLS of tests is not the one under test.
#pragma once
#include <openssl/ssl.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace pipit::test {

template <class T, void (*release)(T*)>
struct Freed {
  void operator()(T* p) const { release(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509, X509_free>>;

// Who signs, and for how long.
struct Issued {
  Key key;
  X509Ptr certificate;

  std::string certificate_pem() const;
  std::string key_pem() const;
  // Hex SHA-256 of the SubjectPublicKeyInfo: what pinned_certs lists.
  std::string pin() const;
};
struct Wanted {
  std::string name = "localhost";               // CN, and a DNS name beside 127.0.0.1
  const Issued* issuer = nullptr;               // null: itself, an authority
  int64_t from_s = -3600, until_s = 24 * 3600;  // from now
  bool rsa = false;
  std::string curve = "P-256";
};
Issued issue(const Wanted& wanted);

class TlsClient {
 public:
  struct Settings {
    int max_version = TLS1_3_VERSION, min_version = TLS1_VERSION;
    std::string suites;                 // OpenSSL's list, of TLS 1.2; empty: its default
    std::string groups;                 // "P-521:P-256"; empty: its default
    const Issued* own = nullptr;        // to show
    const Issued* authority = nullptr;  // to trust; null: anybody
    std::string server_name;            // SNI, and checked where there is an authority
    SSL_SESSION* session = nullptr;     // to resume
  };
  TlsClient() : TlsClient(Settings{}) {}
  explicit TlsClient(const Settings& settings);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;

  // What came from the server; then what there is for it.
  void feed(std::string_view bytes);
  std::string take();
  // True once the handshake is over; drive it with feed() and take(). fault() says why it failed.
  bool handshake();
  bool failed() const { return !fault_.empty(); }
  const std::string& fault() const { return fault_; }
  void write(std::string_view plain);
  // Plain bytes that came. Ends the session on close_notify: ended().
  std::string read();
  bool ended() const { return ended_; }
  void close();        // close_notify
  void renegotiate();  // TLS 1.2

  bool resumed() const;
  // The ticket of this session, for Settings::session; the caller frees it.
  SSL_SESSION* session() const;
  std::string suite() const;
  std::string version() const;
  std::string group() const;  // of the key exchange

 private:
  bool check(int result);

  SSL_CTX* context_;
  SSL* ssl_;
  std::string fault_;
  bool ended_ = false;
};

}  // namespace pipit::test
