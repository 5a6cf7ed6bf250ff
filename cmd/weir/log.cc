#include "cmd/weir/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace weir::cmd {
namespace {

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("weir");
    made->set_pattern("ts=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

void Log(spdlog::level::level_enum level, std::string_view message, LogFields fields) {
  std::string line = "msg=" + LogfmtValue(message);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=").append(LogfmtValue(value));
  }
  Logger().log(level, "{}", line);
}

}  // namespace

std::string LogfmtValue(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \"=\\\n\r\t") == std::string_view::npos;
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + '"';
}

void SetLogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      Logger().set_level(spdlog::level::debug);
      return;
    case LogLevel::kInfo:
      Logger().set_level(spdlog::level::info);
      return;
    case LogLevel::kWarn:
      Logger().set_level(spdlog::level::warn);
      return;
    case LogLevel::kError:
      Logger().set_level(spdlog::level::err);
      return;
  }
}

void LogInfo(std::string_view message, LogFields fields) {
  Log(spdlog::level::info, message, fields);
}

void LogWarn(std::string_view message, LogFields fields) {
  Log(spdlog::level::warn, message, fields);
}

void LogError(std::string_view message, LogFields fields) {
  Log(spdlog::level::err, message, fields);
}

}  // namespace weir::cmd
