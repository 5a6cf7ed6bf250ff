// Log: one line an event on standard error, in logfmt: ts=... level=info msg="..." key=value.
//
// When not to use: in the path of a request. Libraries below cmd/ do not log; they return errors
// and count.
// Threads: thread-safe after SetLogLevel.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/weir/config.h"

namespace weir::cmd {

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

void SetLogLevel(LogLevel level);
void LogInfo(std::string_view message, LogFields fields = {});
void LogWarn(std::string_view message, LogFields fields = {});
void LogError(std::string_view message, LogFields fields = {});

// Returns `text` as a logfmt value: as it is, or quoted where blanks, quotes or '=' are in it.
std::string LogfmtValue(std::string_view text);

}  // namespace weir::cmd
