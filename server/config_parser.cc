#include "server/config_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "server/read_file.h"

namespace pipit {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

// "/a" of "/a/b", "" of "b"; what is in the root is in "/.".
std::string folder_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  return slash == 0 ? "/." : file.substr(0, slash == std::string::npos ? 0 : slash);
}

// The factor of a size suffix, 0 if it is none. k is 1000, kb and ki and kib are 1024.
int64_t suffix_factor(std::string_view suffix) {
  if (suffix.empty()) return 1;
  constexpr std::string_view kLetters = "kmgtpe";
  const std::string s = lowered(suffix);
  const size_t power = kLetters.find(s[0]);
  if (power == std::string_view::npos) return 0;
  const std::string_view rest = std::string_view(s).substr(1);
  if (!rest.empty() && rest != "b" && rest != "i" && rest != "ib") return 0;
  int64_t factor = 1;
  for (size_t i = 0; i <= power; ++i) factor *= rest.empty() ? 1000 : 1024;
  return factor;
}

std::optional<bool> as_boolean(std::string_view text) {
  const std::string s = lowered(text);
  if (s == "true" || s == "yes" || s == "on") return true;
  if (s == "false" || s == "no" || s == "off") return false;
  return std::nullopt;
}

bool is_datetime(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != kForm[i]) return false;
  return true;
}

}  // namespace

const ConfigEntry* ConfigValue::find(std::string_view key) const {
  for (auto it = entries.rbegin(); it != entries.rend(); ++it)
    if (it->key == key) return &*it;
  return nullptr;
}

ConfigEntry* ConfigValue::find(std::string_view key) {
  return const_cast<ConfigEntry*>(static_cast<const ConfigValue*>(this)->find(key));
}

// One text and how far it is read.
class ConfigText {
 public:
  ConfigText(ConfigParser& parser, std::string_view text, std::string name, std::string folder)
      : parser_(parser), text_(text), folder_(std::move(folder)) {
    where_.file = std::move(name);
    where_.line = where_.column = 1;
  }

  bool document(ConfigValue& map) {
    skip_between();
    const bool wrapped = peek() == '{';
    if (wrapped) advance();
    if (!entries(map, wrapped)) return false;
    if (!wrapped) return true;
    skip_between();
    return at_end() || fail("nothing may follow the closing '}'");
  }

  // An environment variable's text is a value of its own.
  bool lone_value(ConfigValue& out) {
    skip_blanks();
    out.type = ConfigValue::Type::string;
    if (at_end()) return true;
    if (!value(out)) return false;
    skip_blanks();
    return at_end() || fail("the variable's value must be one value; quote it if it is text");
  }

 private:
  bool at_end() const { return pos_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  void advance() {
    if (text_[pos_++] == '\n') {
      ++where_.line;
      where_.column = 1;
    } else {
      ++where_.column;
    }
  }
  bool fail(std::string_view what) { return fail_at(where_, what); }
  bool fail_at(const ConfigPosition& at, std::string_view what) {
    parser_.errors_.push_back(at.error(what));
    return false;
  }
  bool at_comment() const { return peek() == '#' || (peek() == '/' && peek(1) == '/'); }
  void skip_comment() {
    while (!at_end() && peek() != '\n') advance();
  }
  void skip_blanks() {
    while (!at_end() && is_blank(peek())) advance();
  }
  void skip_blank_lines() {
    while (!at_end() && (is_blank(peek()) || is_line_end(peek()))) advance();
  }
  // Blanks, line ends, comments. Was there a line end?
  bool skip_between() {
    const uint32_t line = where_.line;
    while (!at_end()) {
      if (is_blank(peek()) || is_line_end(peek()))
        advance();
      else if (at_comment()) skip_comment();
      else
        break;
    }
    return where_.line != line;
  }

  bool entries(ConfigValue& map, bool braces) {
    map.type = ConfigValue::Type::map;
    if (++depth_ > ConfigParser::kMaxDepth) return fail("maps and arrays are nested too deeply");
    parser_.scopes_.push_back(&map);
    const bool ok = entries_inside(map, braces);
    parser_.scopes_.pop_back();
    --depth_;
    return ok;
  }

  bool entries_inside(ConfigValue& map, bool braces) {
    while (true) {
      skip_between();
      if (at_end()) return !braces || fail("expected a map value terminator '}', found end of file");
      if (peek() == '}') {
        if (!braces) return fail("unexpected '}'");
        advance();
        return true;
      }
      if (!entry(map)) return false;
    }
  }

  bool entry(ConfigValue& map) {
    ConfigEntry e;
    e.at = where_;
    const bool quoted = peek() == '"' || peek() == '\'';
    if (quoted) {
      if (!quoted_key(e.key)) return false;
    } else {
      while (!at_end() && !is_blank(peek()) && !is_line_end(peek()) && peek() != '=' &&
             peek() != ':' && peek() != '{' && peek() != '}' && peek() != ',' && peek() != ';') {
        e.key += peek();
        advance();
      }
      if (e.key.empty()) return fail(std::string("unexpected '") + peek() + "' where a key is due");
    }
    skip_blanks();
    if (!quoted && lowered(e.key) == "include" && peek() != '=' && peek() != ':')
      return include(map);
    if (peek() == '=' || peek() == ':') {
      advance();
      skip_blanks();
    } else {
      skip_blank_lines();  // only without a separator may the value begin on another line
    }
    if (at_end() || is_line_end(peek()))
      return fail_at(e.at, "expected a value for key \"" + e.key + "\", found the end of the line");
    if (!value(e.value)) return false;
    e.value.at = e.at;  // what is wrong with a value is said of its key
    map.entries.push_back(std::move(e));
    return entry_end();
  }

  // A line end, a comma, a semicolon; or both, in any order.
  bool entry_end() {
    const bool line_end = skip_between();
    if (at_end() || peek() == '}') return true;
    if (peek() == ',' || peek() == ';')
      advance();
    else if (!line_end)
      return fail(std::string("expected the end of the entry, found '") + peek() + "'");
    return true;
  }

  bool quoted_key(std::string& out) {
    const ConfigPosition begin = where_;
    const char quote = peek();
    advance();
    while (!at_end() && peek() != quote) {
      if (is_line_end(peek())) return fail_at(begin, "a quoted key must end on its line");
      out += peek();
      advance();
    }
    if (at_end()) return fail_at(begin, "a quoted key must end on its line");
    advance();
    return true;
  }

  bool include(ConfigValue& map) {
    const ConfigPosition at = where_;
    ConfigValue path;
    if (at_end() || is_line_end(peek())) return fail("include needs a file name");
    if (peek() == '"' || peek() == '\'') {
      if (!value(path)) return false;
    } else if (!bare_text(path.text)) {
      return false;
    }
    const bool absolute = folder_.empty() || path.text.starts_with('/');
    const std::string target = absolute ? path.text : folder_ + '/' + path.text;
    if (parser_.files_.size() >= ConfigParser::kMaxIncludes ||
        std::find(parser_.files_.begin(), parser_.files_.end(), target) != parser_.files_.end())
      return fail_at(at, "include of \"" + path.text + "\" goes round in circles");
    const auto text = read_file(target, ConfigParser::kMaxFile);
    if (!text.ok() && text.error().code == Errc::exhausted)
      return fail_at(at, "the included file is too large");
    if (!text.ok())
      return fail_at(at, "error parsing include file \"" + path.text + "\": cannot be read");
    parser_.files_.push_back(target);
    ConfigText inner(parser_, text.value(), target,
                     folder_of(target));
    inner.depth_ = depth_;
    const bool ok = inner.document(map);
    parser_.files_.pop_back();
    return ok && entry_end();
  }

  bool value(ConfigValue& out) {
    out.at = where_;
    switch (peek()) {
      case '{': advance(); return entries(out, true);
      case '[': advance(); return array(out);
      case '"': return double_quoted(out);
      case '\'': return single_quoted(out);
      case '(': return block(out);
      case '$':
        if (text_.substr(pos_, 4) != "$2a$") return variable(out);
        break;
      default: break;
    }
    std::string token;
    if (!bare_text(token)) return false;
    return classify(std::move(token), out);
  }

  bool array(ConfigValue& out) {
    out.type = ConfigValue::Type::array;
    if (++depth_ > ConfigParser::kMaxDepth) return fail("maps and arrays are nested too deeply");
    skip_between();
    while (true) {
      if (at_end()) return fail_at(out.at, "array without its closing ']'");
      if (peek() == ']') {
        advance();
        --depth_;
        return true;
      }
      if (peek() == ',') return fail("expected a value in an array, found ','");
      ConfigValue item;
      if (!value(item)) return false;
      out.items.push_back(std::move(item));
      const bool line_end = skip_between();
      if (peek() == ',') {
        advance();
        skip_between();
      } else if (!line_end && !at_end() && peek() != ']') {
        return fail(std::string("expected ',' or ']' in an array, found '") + peek() + "'");
      }
    }
  }

  // \xHH \t \n \r \" and \\ only.
  bool escape(std::string& out) {
    const ConfigPosition at = where_;
    advance();
    const char c = peek();
    switch (c) {
      case 't': out += '\t'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case 'x': {
        unsigned byte = 0;
        const std::string_view digits = text_.substr(pos_ + 1, 2);
        const auto [end, status] =
            std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (status != std::errc() || digits.size() != 2 || end != digits.data() + 2)
          return fail_at(at, "expected two hexadecimal digits after '\\x'");
        out += static_cast<char>(byte);
        advance();
        advance();
        break;
      }
      default:
        return fail_at(at, "invalid escape; only \\xHH, \\t, \\n, \\r, \\\" and \\\\ are known");
    }
    advance();
    return true;
  }

  bool double_quoted(ConfigValue& out) {
    out.type = ConfigValue::Type::string;
    advance();
    while (!at_end() && peek() != '"') {
      if (peek() == '\\') {
        if (!escape(out.text)) return false;
      } else {
        out.text += peek();
        advance();
      }
    }
    if (at_end()) return fail_at(out.at, "string without its closing quote");
    advance();
    return true;
  }

  bool single_quoted(ConfigValue& out) {
    out.type = ConfigValue::Type::string;
    advance();
    while (!at_end() && peek() != '\'') {
      out.text += peek();
      advance();
    }
    if (at_end()) return fail_at(out.at, "string without its closing quote");
    advance();
    return true;
  }

  // Ends with a line that holds ')' and nothing else.
  bool block(ConfigValue& out) {
    out.type = ConfigValue::Type::string;
    advance();
    while (!at_end()) {
      if (peek() == ')' && where_.column == 1 &&
          (pos_ + 1 == text_.size() || is_line_end(peek(1)))) {
        advance();
        return true;
      }
      out.text += peek();
      advance();
    }
    return fail_at(out.at, "block without its closing ')' on a line of its own");
  }

  bool bare_text(std::string& out) {
    while (!at_end() && !is_blank(peek()) && !is_line_end(peek()) && peek() != ',' &&
           peek() != ';' && peek() != ']' && peek() != '}' && peek() != '\'') {
      if (peek() == '\\') {
        if (!escape(out)) return false;
      } else {
        out += peek();
        advance();
      }
    }
    if (out.empty()) return fail("a value is missing");
    return true;
  }

  bool classify(std::string token, ConfigValue& out) {
    using Type = ConfigValue::Type;
    out.text = std::move(token);
    const std::string_view text = out.text;
    if (const auto boolean = as_boolean(text)) {
      out.type = Type::boolean;
      out.boolean = *boolean;
      return true;
    }
    out.type = Type::string;
    if (is_datetime(text)) {
      out.type = Type::datetime;
      return true;
    }
    const size_t sign = text[0] == '-' ? 1 : 0;
    size_t digits = sign;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    if (digits == sign) return true;
    if (digits < text.size() && text[digits] == '.') {
      size_t end = digits + 1;
      while (end < text.size() && is_digit(text[end])) ++end;
      if (end != text.size() || end == digits + 1) return true;
      out.type = Type::real;
      out.real = std::strtod(out.text.c_str(), nullptr);
      return true;
    }
    const int64_t factor = suffix_factor(text.substr(digits));
    if (factor == 0) return true;
    int64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + digits, number);
    int64_t product = 0;
    if (status != std::errc() || __builtin_mul_overflow(number, factor, &product))
      return fail_at(out.at, "integer '" + out.text + "' is out of the range");
    out.type = Type::integer;
    out.integer = product;
    return true;
  }

  bool variable(ConfigValue& out) {
    const ConfigPosition at = where_;
    std::string name;
    advance();
    if (!at_end() && is_blank(peek())) return fail_at(at, "a variable needs a name");
    if (!bare_text(name)) return false;
    for (auto scope = parser_.scopes_.rbegin(); scope != parser_.scopes_.rend(); ++scope) {
      if (ConfigEntry* found = (*scope)->find(name)) {
        found->used_as_variable = true;
        out = found->value;
        out.at = at;
        return true;
      }
    }
    const char* text = std::getenv(name.c_str());
    auto& resolving = parser_.environment_;
    if (std::find(resolving.begin(), resolving.end(), name) != resolving.end())
      return fail_at(at, "variable reference cycle for '" + name + "'");
    if (text == nullptr) return fail_at(at, "variable reference for '" + name + "' can not be found");
    resolving.push_back(name);
    ConfigText inner(parser_, text, where_.file, folder_);
    inner.where_ = at;
    inner.depth_ = depth_;
    const bool ok = inner.lone_value(out);
    resolving.pop_back();
    out.at = at;
    return ok;
  }

  ConfigParser& parser_;
  std::string_view text_;
  std::string folder_;
  size_t pos_ = 0;
  int depth_ = 0;
  ConfigPosition where_;
};

bool ConfigParser::parse_text(std::string_view text, const std::string& name,
                              const std::string& folder, ConfigValue& root) {
  root.at = {name, 1, 1};
  return ConfigText(*this, text, name, folder).document(root);
}

bool ConfigParser::parse_file(const std::string& path, ConfigValue& root) {
  const auto text = read_file(path, kMaxFile);
  if (!text.ok()) {
    errors_.push_back(text.error().code == Errc::exhausted
                          ? path + ":1:1: the file is larger than 16 MiB"
                          : "error opening config file: open " + path +
                                ": no such file or directory");
    return false;
  }
  files_.push_back(path);
  return parse_text(text.value(), path, folder_of(path), root);
}

}  // namespace pipit
