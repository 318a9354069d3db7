#include "protocol/errors.h"

#include "protocol/utf8.h"

namespace pipit::proto {
namespace {

std::string with_subject(std::string_view what, std::string_view subject) {
  std::string text("Permissions Violation for ");
  text += what;
  append_quoted(text, subject);
  return text;
}

}  // namespace

namespace err {

std::string publish_violation(std::string_view subject) {
  return with_subject("Publish to ", subject);
}

std::string reply_violation(std::string_view reply) {
  return with_subject("Publish with Reply of ", reply);
}

std::string subscribe_violation(std::string_view subject, std::string_view queue) {
  std::string text = with_subject("Subscription to ", subject);
  if (!queue.empty()) {
    text += " using queue ";
    append_quoted(text, queue);
  }
  return text;
}

std::string too_many_tokens(std::string_view subject) {
  return with_subject("Subscription to ", subject) + ", too many tokens";
}

}  // namespace err

void append_quoted(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const size_t size = utf8_sequence_size(text);
    const char c = text[0];
    if (size > 1) {
      out += text.substr(0, size);
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (size == 1 && c >= ' ' && c < 0x7F) {
      out += c;
    } else {
      constexpr std::string_view kNamed = "\a\b\f\n\r\t\v";
      const size_t name = kNamed.find(c);
      out += '\\';
      if (name != kNamed.npos) {
        out += "abfnrtv"[name];
      } else {
        out += 'x';
        out += kHex[static_cast<unsigned char>(c) >> 4];
        out += kHex[c & 0xF];
      }
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  out += '"';
}

std::string_view reason_text(CloseReason reason) {
  switch (reason) {
    case CloseReason::client_closed:
      return "Client Closed";
    case CloseReason::auth_timeout:
      return "Authentication Timeout";
    case CloseReason::auth_violation:
      return "Authentication Failure";
    case CloseReason::tls_handshake_error:
      return "TLS Handshake Failure";
    case CloseReason::slow_consumer_pending:
      return "Slow Consumer (Pending Bytes)";
    case CloseReason::slow_consumer_deadline:
      return "Slow Consumer (Write Deadline)";
    case CloseReason::write_error:
      return "Write Error";
    case CloseReason::read_error:
      return "Read Error";
    case CloseReason::parse_error:
      return "Parse Error";
    case CloseReason::stale_connection:
      return "Stale Connection";
    case CloseReason::protocol_violation:
      return "Protocol Violation";
    case CloseReason::bad_client_protocol:
      return "Bad Client Protocol Version";
    case CloseReason::max_connections:
      return "Maximum Connections Exceeded";
    case CloseReason::max_control_line:
      return "Maximum Control Line Exceeded";
    case CloseReason::max_payload:
      return "Maximum Message Payload Exceeded";
    case CloseReason::max_subscriptions:
      return "Maximum Subscriptions Exceeded";
    case CloseReason::no_responders_needs_headers:
      return "No Responders Requires Headers";
    case CloseReason::server_shutdown:
      return "Server Shutdown";
    case CloseReason::kicked:
      return "Kicked";
  }
  return "Unknown State";
}

uint16_t websocket_close_code(CloseReason reason) {
  switch (reason) {
    case CloseReason::client_closed:
      return 1000;
    case CloseReason::server_shutdown:
    case CloseReason::stale_connection:
    case CloseReason::write_error:
    case CloseReason::read_error:
      return 1001;
    case CloseReason::parse_error:
    case CloseReason::protocol_violation:
    case CloseReason::bad_client_protocol:
      return 1002;
    case CloseReason::auth_timeout:
    case CloseReason::auth_violation:
    case CloseReason::max_connections:
    case CloseReason::max_control_line:
    case CloseReason::max_subscriptions:
    case CloseReason::slow_consumer_pending:
    case CloseReason::slow_consumer_deadline:
      return 1008;
    case CloseReason::max_payload:
      return 1009;
    case CloseReason::tls_handshake_error:
      return 1015;
    case CloseReason::no_responders_needs_headers:
    case CloseReason::kicked:
      return 1011;
  }
  return 1011;
}

bool flush_before_close(CloseReason reason) {
  switch (reason) {
    case CloseReason::read_error:
    case CloseReason::write_error:
    case CloseReason::slow_consumer_pending:
    case CloseReason::slow_consumer_deadline:
    case CloseReason::tls_handshake_error:
      return false;
    default:
      return true;
  }
}

}  // namespace pipit::proto
