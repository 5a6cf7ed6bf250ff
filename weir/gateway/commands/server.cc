// Small commands about the server, and those that answer for what weir does not have.
#include <string>

#include "weir/gateway/commands/commands.h"
#include "weir/gateway/errors.h"
#include "weir/gateway/gateway.h"
#include "weir/gateway/session.h"

namespace weir::gateway::commands {
namespace {

constexpr std::string_view kWeir =
    "\n"
    "   ~ ~~  ~   ~~ ~    ~ ~~\n"
    " ~~   ~ ~~  ~    ~~  ~\n"
    "======================\\\\\n"
    "  |    |    |    |    | \\\\~~  ~ ~~   ~\n"
    "  |    |    |    |    |  \\\\ ~~   ~ ~~ ~~\n"
    "\n";

}  // namespace

void Time(const LocalCall& call, resp::Writer& writer) {
  const int64_t ms = call.gateway.clock().Wall().ms;
  writer.ArrayHeader(2);
  writer.Bulk(std::to_string(ms / 1000));
  writer.Bulk(std::to_string(ms % 1000 * 1000));
}

void Lolwut(const LocalCall& call, resp::Writer& writer) {
  int64_t version = 0;
  const bool versioned = call.args.size() > 2 && SameWord(call.args[1], "version");
  if (versioned && !ParseInteger(call.args[2], &version)) {
    WriteError(writer, errors::kNotInteger);
    return;
  }
  writer.Verbatim("txt", std::string(kWeir) + "weir ver. " + call.gateway.process().version + "\n");
}

// There are no replicas: what was acknowledged is durable, and nobody else will ever have it.
void Wait(const LocalCall& call, resp::Writer& writer) {
  int64_t replicas = 0;
  int64_t timeout = 0;
  if (!ParseInteger(call.args[1], &replicas)) {
    WriteError(writer, errors::kNotInteger);
  } else if (!ParseInteger(call.args[2], &timeout)) {
    WriteError(writer, errors::kTimeout);
  } else if (timeout < 0) {
    WriteError(writer, errors::kTimeoutNegative);
  } else {
    writer.Integer(0);
  }
}

void FunctionFlush(const LocalCall& call, resp::Writer& writer) {
  const Args args = call.args;
  if (args.size() > 3) {
    WriteError(writer, errors::SubcommandSyntax(args[1], "function"));
    return;
  }
  const bool known =
      args.size() == 2 ||
      (args.size() == 3 && (SameWord(args[2], "sync") || SameWord(args[2], "async")));
  if (known) {
    writer.SimpleString("OK");
  } else {
    WriteError(writer, errors::kFunctionFlush);
  }
}

void FunctionList(const LocalCall& call, resp::Writer& writer) {
  bool named = false;
  bool with_code = false;
  for (size_t i = 2; i < call.args.size(); ++i) {
    const std::string_view word = call.args[i];
    if (!with_code && SameWord(word, "withcode")) {
      with_code = true;
    } else if (named || !SameWord(word, "libraryname")) {
      return WriteError(writer, errors::UnknownArgument(word));
    } else if (++i == call.args.size()) {
      return WriteError(writer, errors::kNoLibraryName);
    } else {
      named = true;
    }
  }
  writer.ArrayHeader(0);
}

void Monitor(const LocalCall& call, resp::Writer& writer) {
  if (call.in_transaction) {
    WriteError(writer, errors::kMonitorInMulti);
    return;
  }
  if (!call.session.monitors && !call.gateway.monitors().Enter(call.home)) {
    WriteError(writer, errors::kTooManyMonitors);
    return;
  }
  call.session.monitors = true;
  writer.SimpleString("OK");
}

void Role(const LocalCall&, resp::Writer& writer) {
  writer.ArrayHeader(3);
  writer.Bulk("master");
  writer.Integer(0);
  writer.ArrayHeader(0);
}

// Without a reply, as in Redis: the end of the connection says that the server has stopped.
void Shutdown(const LocalCall& call, resp::Writer& writer) {
  bool abort = false;
  bool save = false;
  bool no_save = false;
  bool known = true;
  for (const std::string_view word : call.args.subspan(1)) {
    abort |= SameWord(word, "abort");
    save |= SameWord(word, "save");
    no_save |= SameWord(word, "nosave");
    known &= abort || save || no_save || SameWord(word, "now") || SameWord(word, "force");
  }
  if (!known || (save && no_save) || (abort && call.args.size() > 2)) {
    WriteError(writer, errors::kSyntax);
  } else if (abort) {
    WriteError(writer, errors::kNoShutdown);
  } else if (call.gateway.process().stop == nullptr) {
    WriteError(writer, errors::kNotStopped);
  } else {
    call.gateway.process().stop();
    call.session.closing = true;
  }
}

void ModuleList(const LocalCall&, resp::Writer& writer) {
  writer.ArrayHeader(0);
}

void Debug(const LocalCall&, resp::Writer& writer) {
  WriteError(writer, errors::kDebugDisabled);
}

}  // namespace weir::gateway::commands
