// Advisories (ADR-1): what JetStream tells whoever listens to $JS.EVENT.ADVISORY.>. Bytes and order
// of members as nats-server 2.14. Pure, but for ids.
#pragma once
#include <string>
#include <string_view>

#include "jetstream/settings.h"

namespace pipit::js {

struct Advisory {
  std::string subject, json;
};

// `action`: create, modify or delete.
Advisory stream_advisory(const Settings& settings, int64_t now_ns, const std::string& stream,
                         std::string_view action);

// An atomic batch came to nothing.
Advisory batch_abandoned(const Settings& settings, int64_t now_ns, const std::string& stream,
                         std::string_view batch, std::string_view reason);

// A request of the API and its response, on this subject.
inline constexpr std::string_view kApiAuditSubject = "$JS.EVENT.ADVISORY.API";
std::string api_audit(const Settings& settings, int64_t now_ns, std::string_view subject,
                      std::string_view request, std::string_view response);

// The disk is full, or the streams take all that they may.
Advisory out_of_storage(const Settings& settings, int64_t now_ns);

// So many requests were dropped because too many waited.
Advisory api_limit_reached(const Settings& settings, int64_t now_ns, size_t dropped);

}  // namespace pipit::js
