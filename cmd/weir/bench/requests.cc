#include "cmd/weir/bench/requests.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

namespace weir::cmd {
namespace {

constexpr std::string_view kKeyMark = "__key__";
constexpr std::string_view kDataMark = "__data__";

const std::map<std::string_view, std::string_view>& CommonRequests() {
  static const std::map<std::string_view, std::string_view> kRequests{
      {"ping", "PING"},
      {"get", "GET __key__"},
      {"set", "SET __key__ __data__"},
      {"setex", "SET __key__ __data__ EX 60"},
      {"incr", "INCR __key__"},
      {"del", "DEL __key__"},
      {"exists", "EXISTS __key__"},
      {"mget",
       "MGET __key__ __key__ __key__ __key__ __key__ __key__ __key__ __key__ __key__ __key__"},
      {"mset",
       "MSET __key__ __data__ __key__ __data__ __key__ __data__ __key__ __data__ __key__ __data__"},
  };
  return kRequests;
}

std::string Capitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return capitals;
}

std::vector<std::string_view> Divide(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace

Result<RequestTemplate> RequestTemplate::Parse(std::string_view text, std::string_view key_prefix,
                                               std::string_view data) {
  const std::vector<std::string_view> words = Divide(text, ' ');
  if (words.empty()) return Error{ErrorCode::kInvalid, "a command is empty; write GET __key__"};
  RequestTemplate request;
  request.name_ = Capitals(words.front());
  std::string& bytes = request.bytes_;
  bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    std::string argument;
    while (argument.size() < word.size() && word.substr(argument.size()) != kKeyMark) {
      argument += word[argument.size()];
    }
    const bool has_key = argument.size() < word.size();
    if (word == kDataMark) argument = data;
    if (has_key) argument += std::string(key_prefix) + std::string(kDigits, '0');
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument;
    if (has_key) request.digits_at_.push_back(bytes.size() - kDigits);
    bytes += "\r\n";
  }
  return request;
}

void RequestTemplate::Append(KeyNumbers* keys, std::string* output) const {
  const size_t begin = output->size();
  output->append(bytes_);
  for (const size_t at : digits_at_) {
    uint64_t number = keys->Next();
    char* const digits = output->data() + begin + at;
    for (size_t i = kDigits; number > 0; number /= 10) {
      digits[--i] = static_cast<char>('0' + number % 10);
    }
  }
}

Result<std::vector<WeightedRequest>> ParseMix(std::string_view mix, std::string_view key_prefix,
                                              std::string_view data) {
  std::vector<WeightedRequest> requests;
  for (const std::string_view part : Divide(mix, ',')) {
    std::string_view words = part;
    uint64_t weight = 1;
    if (const size_t colon = part.rfind(':'); colon != std::string_view::npos) {
      const char* const end = part.data() + part.size();
      const auto read = std::from_chars(part.data() + colon + 1, end, weight);
      if (read.ec != std::errc() || read.ptr != end || weight == 0 || weight > 1'000'000) {
        return Error{
            ErrorCode::kInvalid,
            "'" + std::string(part) + "' has no weight behind its colon; write get:9,set:1"};
      }
      words = part.substr(0, colon);
    }
    const auto common = CommonRequests().find(words);
    if (common != CommonRequests().end()) {
      words = common->second;
    } else if (words.find(' ') == std::string_view::npos) {
      return Error{
          ErrorCode::kInvalid,
          "'" + std::string(words) +
              "' is not one of ping, get, set, setex, incr, del, exists, mget, mset; write "
              "a whole command, such as 'GETEX __key__ EX 60'"};
    }
    auto parsed = RequestTemplate::Parse(words, key_prefix, data);
    if (!parsed.ok()) return parsed.error();
    requests.push_back({std::move(parsed).value(), weight});
  }
  if (requests.empty()) return Error{ErrorCode::kInvalid, "no command is given; write get:9,set:1"};
  return requests;
}

}  // namespace weir::cmd
