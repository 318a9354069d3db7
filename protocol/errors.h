// The -ERR texts, exactly as sent between the single quotes, and the reasons a connection closes
// with (shown by /connz?state=closed and in WebSocket close frames).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit::proto {

namespace err {
inline constexpr std::string_view kUnknownOperation = "Unknown Protocol Operation";
inline constexpr std::string_view kControlLine = "maximum control line exceeded";
inline constexpr std::string_view kMaxPayload = "Maximum Payload Violation";
inline constexpr std::string_view kAuthorization = "Authorization Violation";
inline constexpr std::string_view kAuthTimeout = "Authentication Timeout";
inline constexpr std::string_view kMaxConnections = "maximum connections exceeded";
inline constexpr std::string_view kMaxSubscriptions = "maximum subscriptions exceeded";
inline constexpr std::string_view kInvalidSubject = "Invalid Subject";
inline constexpr std::string_view kInvalidPublishSubject = "Invalid Publish Subject";
inline constexpr std::string_view kInvalidClientProtocol = "invalid client protocol";
inline constexpr std::string_view kNoRespondersNeedsHeaders =
    "no responders requires headers support";
inline constexpr std::string_view kStale = "Stale Connection";

// The permission errors name what was refused, quoted as Go's %q does.
std::string publish_violation(std::string_view subject);
std::string reply_violation(std::string_view reply);
// An empty `queue` is an ordinary subscription.
std::string subscribe_violation(std::string_view subject, std::string_view queue = {});
std::string too_many_tokens(std::string_view subject);
}  // namespace err

// Appends `text` in double quotes, control characters and invalid UTF-8 escaped as Go's %q does.
void append_quoted(std::string& out, std::string_view text);

enum class CloseReason : uint8_t {
  client_closed,
  auth_timeout,
  auth_violation,
  tls_handshake_error,
  slow_consumer_pending,
  slow_consumer_deadline,
  write_error,
  read_error,
  parse_error,
  stale_connection,
  protocol_violation,
  bad_client_protocol,
  max_connections,
  max_control_line,
  max_payload,
  max_subscriptions,
  no_responders_needs_headers,
  server_shutdown,
  kicked,
};

// As in nats-server's ClosedState: "Protocol Violation", "Slow Consumer (Pending Bytes)", ...
std::string_view reason_text(CloseReason reason);
// The WebSocket close code that goes with it: 1000, 1001, 1002, 1008, 1009, 1011, 1015.
uint16_t websocket_close_code(CloseReason reason);
// False for read and write errors, slow consumers and TLS failures: pending output is dropped.
bool flush_before_close(CloseReason reason);

}  // namespace pipit::proto
