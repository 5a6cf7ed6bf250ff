#include "cmd/weir/man_page.h"

#include "cmd/weir/options.h"

namespace weir::cmd {
namespace {

constexpr std::string_view kHead = R"(.SH NAME
weir \- one fast, fair, durable Redis in front of a service's databases
.SH SYNOPSIS
.B weir
.I COMMAND
.RI [ ARGUMENTS ]
.SH DESCRIPTION
.B weir
speaks the protocol of Redis and keeps what it is given durably in RocksDB, behind a cache, a rate
limiter and consistent hashing.
.B weir serve
needs no option at all. It serves clients until SIGTERM or SIGINT, then answers what was sent and
exits, and logs to standard error. A flag beats the configuration file.
)";

constexpr std::string_view kTail = R"(.SH FILES
What the Debian package sets up:
.TP
.I /etc/weir/weir.toml
The configuration of the service, readable by root and the group weir.
.TP
.I /var/lib/weir
The data, owned by the user weir. The service may write nowhere else.
.SH EXIT STATUS
0 success, 1 failure, 2 usage or configuration.
.SH ENVIRONMENT
.TP
.B NOTIFY_SOCKET
Set by a supervisor that wants to be told when clients are served and when stopping begins; see
.BR sd_notify (3).
.SH EXAMPLES
.nf
weir serve \-\-data ./weir\-data \-\-memory 1gb
weir check /etc/weir/weir.toml
weir backup /backups/monday
redis\-cli \-p 6390 ping
.fi
.SH SEE ALSO
.BR redis\-cli (1),
.BR systemctl (1)
)";

// Escapes what roff would take for itself, and sets `code` bold.
std::string Roff(std::string_view text) {
  std::string escaped;
  bool bold = false;
  for (const char c : text) {
    if (c == '`') {
      bold = !bold;
      escaped += bold ? "\\fB" : "\\fR";
    } else if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  // At the begin of a line these two are requests.
  if (escaped.starts_with('.') || escaped.starts_with('\'')) escaped.insert(0, "\\&");
  return escaped;
}

std::string Meaning(const Option& option) {
  std::string text(option.doc);
  std::string words;
  for (const std::string_view word : option.words) {
    words += (words.empty() ? " One of `" : "`, `") + std::string(word);
  }
  if (!words.empty()) text += words + "`.";
  if (!option.limits.empty()) text += " Limits: " + option.limits + ".";
  text += option.required ? " Required." : " Default: " + option.default_text + ".";
  return Roff(text) + "\n";
}

std::string Term(std::string_view name, std::string_view type) {
  return ".TP\n.BI \"" + Roff(name) + " \" \"" + Roff(type) + "\"\n";
}

std::string Commands(const std::vector<ManCommand>& commands) {
  std::string text = ".SH COMMANDS\n";
  for (const ManCommand& command : commands) {
    text += ".TP\n.B " + Roff(command.name) + "\n" + Roff(command.doc) + "\n";
    if (command.name == "serve" || command.arguments.empty()) continue;
    text += ".RS\n";
    for (const ManArgument& argument : command.arguments) {
      text += Term(argument.name, argument.type) + Roff(argument.doc) + "\n";
    }
    text += ".RE\n";
  }
  return text;
}

std::string Flags() {
  std::string text = ".SH FLAGS OF SERVE\n.TP\n.BI \"\\-\\-config \" FILE\nConfiguration file.\n";
  for (const Option& option : Options()) {
    if (option.section == "server")
      text += Term(FlagOf(option), TypeName(option.type)) + Meaning(option);
  }
  return text;
}

std::string ConfigurationFile() {
  std::string text =
      ".SH CONFIGURATION FILE\nTOML. An unknown section or key is an error. The keys of\n"
      ".B [server]\nare the flags above, with underscores for hyphens.\n";
  for (const Section& section : Sections()) {
    if (section.name == "server") continue;
    const std::string name(section.name);
    text += ".SS " + (section.repeated ? "[[" + name + "]]" : "[" + name + "]") + "\n" +
            Roff(section.doc) + "\n";
    for (const Option& option : Options()) {
      if (option.section == section.name)
        text += Term(option.key, TypeName(option.type)) + Meaning(option);
    }
  }
  return text;
}

}  // namespace

std::string ManPage(std::string_view version, const std::vector<ManCommand>& commands) {
  return R"(.TH WEIR 1 "" "weir )" + std::string(version) + "\" \"User Commands\"\n" +
         std::string(kHead) + Commands(commands) + Flags() + ConfigurationFile() +
         std::string(kTail);
}

}  // namespace weir::cmd
