// What is asked for a stream -> what it becomes, or why not: the checks of its configuration, and
// what this version has not built.
#include <algorithm>

#include "jetstream/api.h"
#include "jetstream/stream_config_check.h"

namespace pipit::js {
namespace {

// Clear from the start, rather than a stream that does half of what it says.
ApiOutcome not_built_in(const StreamConfig& config) {
  const auto refuse = [](const char* what) {
    return api_error(JsErr::stream_invalid_config,
                     std::string(what) + " is not built yet in this version of pipit");
  };
  const auto far = [](const StreamSource& source) { return source.external || source.consumer; };
  if (config.mirror && far(*config.mirror)) return refuse("a mirror by a remote API or consumer");
  if (std::ranges::any_of(config.sources, far))
    return refuse("a source by a remote API or consumer");
  if (config.allow_batched) return refuse("allow_batched");
  return {};
}

// The streams there are, as the checks want to see them: looked at one after the other, and held
// for as long as the checks run.
class Standing final : public StreamCatalogue {
 public:
  explicit Standing(std::vector<SetupRef> streams) : streams_(std::move(streams)) {}
  const StreamConfig* find(std::string_view name) const override {
    for (const SetupRef& stream : streams_)
      if (stream->name() == name) return &stream->config;
    return nullptr;
  }
  void each(const std::function<void(const StreamConfig&)>& visit) const override {
    for (const SetupRef& stream : streams_) visit(stream->config);
  }

 private:
  const std::vector<SetupRef> streams_;
};

CheckContext context_of(const Settings& settings, const Standing& streams, bool pedantic) {
  CheckContext context{streams, {}, {}, pedantic};
  context.server.max_memory = settings.max_memory;
  context.server.max_storage = settings.max_file;
  context.server.duplicate_window_ns = settings.duplicate_window_max_ns;
  return context;
}

}  // namespace

ApiOutcome Api::create_checked(std::string_view name, StreamConfigRequest& request, SetupRef& out) {
  const Standing standing(catalogue_.all());
  const CheckContext context = context_of(settings_, standing, request.pedantic);
  StreamConfig& config = request.config;
  bool exists = false;
  if (ApiOutcome refused = check_create(context, name, config, exists)) return refused;
  if (exists) {
    out = catalogue_.find(config.name);
    return {};
  }
  if (ApiOutcome missing = not_built_in(config)) return missing;
  return catalogue_.create(std::move(config), clock_.wall_ns(), out);
}

ApiOutcome Api::update_checked(std::string_view name, StreamConfigRequest& request, SetupRef& out) {
  const Standing standing(catalogue_.all());
  const CheckContext context = context_of(settings_, standing, request.pedantic);
  if (ApiOutcome refused = check_update(context, name, request.config)) return refused;
  if (ApiOutcome missing = not_built_in(request.config)) return missing;
  const SetupRef old = catalogue_.find(request.config.name);
  return catalogue_.update(*old, std::move(request.config), out);
}

}  // namespace pipit::js
