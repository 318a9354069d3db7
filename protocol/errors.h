// The -ERR texts, exactly as sent between the single quotes, and the reasons a connection closes
// with (shown by /connz?state=closed and in WebSocket close frames).
#pragma once
#include <cstdint>
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
// The permission errors name a subject: errors.cc writes them.
}  // namespace err

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
