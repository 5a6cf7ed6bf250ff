// The command line of weir: serve, check, ring, shard, backup, restore, verify, bench, replay,
// advise, version, help, docs.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/weir/advise.h"
#include "cmd/weir/backup_client.h"
#include "cmd/weir/bench/bench.h"
#include "cmd/weir/commands_document.h"
#include "cmd/weir/ketama_command.h"
#include "cmd/weir/live_limits.h"
#include "cmd/weir/load.h"
#include "cmd/weir/machine.h"
#include "cmd/weir/man_page.h"
#include "cmd/weir/options.h"
#include "cmd/weir/replay.h"
#include "cmd/weir/restore.h"
#include "cmd/weir/ring_command.h"
#include "cmd/weir/serve.h"
#include "cmd/weir/shard_command.h"
#include "cmd/weir/unexpected_words.h"
#include "cmd/weir/users.h"
#include "cmd/weir/verify.h"
#include "cmd/weir/wiring.h"
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "weir/backup/backup_directory.h"
#include "weir/users/password.h"

namespace weir::cmd {
namespace {

using Use = ConfigSources::Use;
enum ExitCode { kSuccess = 0, kFailure = 1, kUsage = 2 };

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
}
void Complain(const std::string& text) {
  std::fprintf(stderr, "weir: %s\n", text.c_str());
}

// Errors: kInvalid, why it cannot be read.
Result<std::string> ReadConfigFile(const std::string& name) {
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorCode::kInvalid, name + ": " + why};
  };
  std::ifstream file(name, std::ios::binary);
  std::string text(kConfigBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (!file.eof() && file.fail())) {
    return refuse("cannot be read; give the path of a TOML file");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kConfigBytesMax) {
    return refuse("larger than 1 MiB; this is not a configuration of weir");
  }
  return text;
}

// What the file, if there is one, and the flags say at this moment.
Loaded LoadNow(const std::string& file_name, const std::vector<FlagValue>& flags,
               Use use = Use::kLook) {
  Result<std::string> text = std::string();
  if (!file_name.empty()) text = ReadConfigFile(file_name);
  if (!text.ok()) {
    Loaded unread;
    unread.errors.push_back(text.error().message);
    return unread;
  }
  return LoadConfig({file_name, text.value(), flags, ReadNeeds, use}, ReadMachine());
}

// Returns the configuration, or nullopt after reporting every error.
std::optional<Loaded> Reported(Loaded loaded) {
  for (const std::string& error : loaded.errors) std::fprintf(stderr, "%s\n", error.c_str());
  if (!loaded.errors.empty()) return std::nullopt;
  for (const std::string& warning : loaded.warnings) Complain("warning: " + warning);
  return loaded;
}

int RunCheck(const std::string& file_name) {
  const std::optional<Loaded> loaded = Reported(WithLiveLimits(LoadNow(file_name, {})));
  if (!loaded) return kUsage;
  Print(ShowConfig(loaded->config) + "\n" + ShowBudget(loaded->budget));
  return kSuccess;
}

int RunUserHash() {
  const Result<std::string> password = ReadPassword();
  const Result<std::string> hash = password.ok() ? users::HashPassword(password.value()) : password;
  if (!hash.ok()) {
    Complain(hash.error().message);
    return kFailure;
  }
  Print("password = \"" + hash.value() + "\"\n");
  return kSuccess;
}

int RunServe(const std::string& file_name,
             const std::map<std::string, std::vector<std::string>>& values) {
  std::vector<FlagValue> flags;
  for (const auto& [key, texts] : values) {
    if (!texts.empty()) flags.push_back({key, texts});
  }
  const std::optional<Loaded> loaded = Reported(LoadNow(file_name, flags, Use::kServe));
  if (!loaded) return kUsage;
  return Serve(*loaded, file_name, [=] { return LoadNow(file_name, flags, Use::kServe); });
}

// Where data is: of a configuration file, of one directory, or of both.
struct DataArguments {
  std::string config_file;
  std::string directory;
};

// Returns the configuration that names the data directories, or nullopt after saying what is wrong.
std::optional<Config> LoadData(const DataArguments& data) {
  if (data.config_file.empty() && data.directory.empty()) {
    Complain("say where the data is: --data DIR, or --config FILE");
    return std::nullopt;
  }
  std::vector<FlagValue> flags;
  if (!data.directory.empty()) flags.push_back({"data", {data.directory}});
  std::optional<Loaded> loaded = Reported(LoadNow(data.config_file, flags));
  if (!loaded) return std::nullopt;
  return std::move(loaded->config);
}

int RunRestoreCommand(const std::string& backup, const DataArguments& data) {
  const std::optional<Config> config = LoadData(data);
  return config ? RunRestore(backup, *config) : kUsage;
}

int RunVerifyCommand(const DataArguments& data) {
  if (data.config_file.empty() && backup::IsBackup(data.directory)) {
    return RunVerifyBackup(data.directory);
  }
  const std::optional<Config> config = LoadData(data);
  return config ? RunVerify(*config) : kUsage;
}

// `text` for a terminal: without its backticks, and with the flags of the keys that stand in them.
std::string PlainText(std::string_view text) {
  std::string plain;
  for (bool quoted = false;; quoted = !quoted) {
    const size_t end = std::min(text.find('`'), text.size());
    const std::string_view part = text.substr(0, end);
    const Option* const option = quoted ? FindOption("server", part) : nullptr;
    plain += option == nullptr ? std::string(part) : FlagOf(*option);
    if (end == text.size()) return plain;
    text.remove_prefix(end + 1);
  }
}

// The parsed command line.
struct Arguments {
  std::string serve_file;
  std::string check_file;
  BackupArguments backup;
  std::string restore_from;
  DataArguments restore_to;
  DataArguments verify;
  RingArguments ring;
  KetamaArguments ketama;
  BenchArguments bench;
  ShardArguments shard;
  ReplayArguments replay;
  AdviseArguments advise;
  std::string help_topic;
  std::string docs_topic = "configuration";
  std::map<std::string, std::vector<std::string>> flags;  // By key of [server].
};

void DeclareServe(CLI::App& serve, Arguments& arguments) {
  serve.add_option("--config", arguments.serve_file, "Configuration file, TOML.")
      ->type_name("FILE");
  for (const Option& option : Options()) {
    if (option.section != "server") continue;
    std::string text = PlainText(option.doc);
    std::string words;
    for (const std::string_view word : option.words) {
      words += (words.empty() ? " One of " : ", ") + std::string(word);
    }
    if (!words.empty()) text += words + ".";
    if (!option.limits.empty()) text += " Limits: " + option.limits + ".";
    text += " Default: " + PlainText(option.default_text) + ".";
    CLI::Option* flag =
        serve.add_option(FlagOf(option), arguments.flags[std::string(option.key)], text);
    flag->type_name(std::string(TypeName(option.type)))->expected(1, 1)->take_all();
    flag->allow_extra_args(false);
  }
}

void DeclareData(CLI::App& command, DataArguments& data, const std::string& what) {
  command.add_option("--data", data.directory, what)->type_name("DIR");
  command
      .add_option("--config", data.config_file,
                  "Configuration file that names the data directories, TOML.")
      ->type_name("FILE");
}

// Returns the option `--server`.
CLI::Option* DeclareServer(CLI::App& command, ServerArguments& server) {
  command.add_option("--user", server.user, "A user with the right admin.")->type_name("NAME");
  command
      .add_option("--password-file", server.password_file,
                  "Its first line is the password; - for standard input.")
      ->type_name("FILE");
  return command.add_option("--server", server.address, "Where the server listens.")
      ->type_name("ADDR:PORT");
}

void DeclareBackup(CLI::App& app, Arguments& arguments) {
  CLI::App* backup = app.add_subcommand(
      "backup", "Back the data of a running server up into a new directory of its machine.");
  backup->add_option("DIR", arguments.backup.directory, "The new directory.")->required();
  DeclareServer(*backup, arguments.backup.server)->capture_default_str();
  CLI::App* restore =
      app.add_subcommand("restore", "Copy a backup into a new data directory, offline.");
  restore->add_option("DIR", arguments.restore_from, "The backup.")->required();
  DeclareData(*restore, arguments.restore_to, "The new data directory.");
  CLI::App* verify = app.add_subcommand(
      "verify", "Read all of a data directory that is not in use, or of a backup, and check it.");
  DeclareData(*verify, arguments.verify, "The data directory, or the backup.");
}

// The options of every `weir ring` subcommand.
CLI::App* DeclareRingCommand(CLI::App& ring, RingArguments& arguments, const std::string& name,
                             const std::string& what) {
  CLI::App* command = ring.add_subcommand(name, what);
  command->add_option("--table", arguments.source.table, "A slot table that --save wrote.")
      ->type_name("FILE");
  command
      ->add_option("--nodes", arguments.source.nodes,
                   "Ids, with weights that are not 1, such as 1,2=3,7: a first placement.")
      ->type_name("LIST");
  DeclareServer(*command, arguments.source.server)->each([&](const std::string&) {
    arguments.source.from_server = true;
  });
  command->add_flag("--json", arguments.json, "Print JSON.");
  return command;
}

void DeclareRing(CLI::App& app, RingArguments& arguments) {
  CLI::App* ring = app.add_subcommand("ring", "Tell which node owns what, and what changes move.");
  ring->require_subcommand(1, 1);
  CLI::App* show =
      DeclareRingCommand(*ring, arguments, "show", "Print how the slots are spread over nodes.");
  CLI::App* owner =
      DeclareRingCommand(*ring, arguments, "owner", "Print the slot and node of keys.");
  owner->add_option("KEY", arguments.keys, "The keys.")->required();
  CLI::App* diff =
      DeclareRingCommand(*ring, arguments, "diff", "Print what a change of nodes moves.");
  diff->add_option("--add", arguments.add, "A node that joins.")->type_name("ID[=WEIGHT]");
  diff->add_option("--remove", arguments.remove, "A node that leaves.")->type_name("ID");
  diff->add_option("--weigh", arguments.weigh, "A node's new weight.")->type_name("ID=WEIGHT");
  for (CLI::App* command : {show, diff}) {
    command->add_option("--svg", arguments.svg, "Draw a picture into this file.")
        ->type_name("FILE");
    command->add_option("--save", arguments.save, "Save the table, after the change, to this file.")
        ->type_name("FILE");
  }
}

void DeclareKetama(CLI::App& app, KetamaArguments& arguments) {
  CLI::App* ketama = app.get_subcommand("ring")->add_subcommand(
      "ketama", "Print where memcached's clients or twemproxy keep keys.");
  ketama->add_option("KEY", arguments.keys, "The keys.")->required();
  ketama->add_option("--like", arguments.like, "libketama, libmemcached, spy or twemproxy.")
      ->type_name("RING")
      ->required();
  ketama
      ->add_option("--servers", arguments.servers,
                   "ADDRESS[=WEIGHT[=NAME]], with commas between them, in their order there.")
      ->type_name("LIST")
      ->required();
  ketama
      ->add_option("--hash", arguments.hash,
                   "The hash of keys, as it is called there. Default: md5; twemproxy: fnv1a_64.")
      ->type_name("NAME");
  ketama->add_option("--hash-tag", arguments.hash_tag, "Two characters, as twemproxy's hash_tag.")
      ->type_name("XY");
  ketama->add_flag("--unsigned-char", arguments.unsigned_char, "As on ARM, not as on x86.");
  ketama->add_flag("--json", arguments.json, "Print JSON.");
}

void DeclareReplay(CLI::App& app, ReplayArguments& arguments) {
  CLI::App* replay = app.add_subcommand(
      "replay", "Tell what a cache would have answered of a trace: its hit ratio, as CSV.");
  replay
      ->add_option("--trace", arguments.trace,
                   "Requests, key or key,size a line, plain or zstd; - for standard input.")
      ->type_name("FILE")
      ->required();
  CLI::Option* entries = replay->add_option("--entries", arguments.entries,
                                            "Capacities, each a number of entries of one size.");
  entries->type_name("N[,N...]")->delimiter(',');
  replay->add_option("--bytes", arguments.bytes, "The capacity, with the sizes of the trace.")
      ->type_name("N")
      ->excludes(entries);
  std::string policies = "The server's cache, or one to compare with: ";
  for (const std::string& name : ReplayPolicies()) {
    policies += name + (name == ReplayPolicies().back() ? "." : ", ");
  }
  replay->add_option("--policy", arguments.policy, policies)
      ->type_name("NAME")
      ->check(CLI::IsMember(ReplayPolicies()).description(""))
      ->capture_default_str();
  replay
      ->add_option("--objective", arguments.objective,
                   "What auto makes the most of: hits, or bytes of hits.")
      ->type_name("hits|bytes")
      ->check(CLI::IsMember({"hits", "bytes"}).description(""))
      ->capture_default_str();
  replay->add_option("--curve", arguments.curve_file, "Draw the miss-ratio curve, as SVG.")
      ->type_name("FILE");
}

void DeclareAdvise(CLI::App& app, AdviseArguments& arguments) {
  CLI::App* advise = app.add_subcommand(
      "advise", "Say whether more or less memory for a running server's cache would pay.");
  DeclareServer(*advise, arguments.server)->capture_default_str();
  advise->add_option("--gb-price", arguments.prices.gb_month, "Of a GB of memory for a month.");
  advise->add_option("--reads-price", arguments.prices.million_reads, "Of a million reads.");
}

int RunRing(const CLI::App& app, const RingArguments& arguments, const KetamaArguments& ketama) {
  const CLI::App* ring = app.get_subcommand("ring");
  if (ring->got_subcommand("ketama")) return RunRingKetama(ketama);
  if (ring->got_subcommand("show")) return RunRingShow(arguments);
  if (ring->got_subcommand("owner")) return RunRingOwner(arguments);
  return RunRingDiff(arguments);
}

void DeclareShard(CLI::App& app, ShardArguments& arguments) {
  CLI::App* shard = app.add_subcommand(
      "shard", "List, split, merge and move the ranges of a running server, and add shards to it.");
  shard->require_subcommand(1, 1);
  DeclareServer(*shard, arguments.server)->capture_default_str();
  shard->add_flag("--json", arguments.json, "Print JSON.");
  DeclareShardRanges(*shard, arguments);
  DeclareShardMoves(*shard, arguments);
  DeclareShardPlans(*shard, arguments);
}

int RunShard(const CLI::App& app, const ShardArguments& arguments) {
  const CLI::App* shard = app.get_subcommand("shard");
  if (shard->got_subcommand("list")) return RunShardList(arguments);
  if (shard->got_subcommand("add")) return RunShardAdd(arguments);
  if (shard->got_subcommand("split")) return RunShardSplit(arguments);
  if (shard->got_subcommand("merge")) return RunShardMerge(arguments);
  if (shard->got_subcommand("move")) return RunShardMove(arguments);
  if (shard->got_subcommand("status")) return RunShardStatus(arguments);
  if (shard->got_subcommand("rebalance")) return RunShardRebalance(arguments);
  if (shard->got_subcommand("drain")) return RunShardDrain(arguments);
  return RunShardOrder(arguments, shard->get_subcommands().front()->get_name());
}

int RunHelp(CLI::App& app, const std::string& topic) {
  if (topic.empty()) {
    app.clear();  // Or it would explain the subcommand that was parsed: `help` itself.
    Print(app.help());
    return kSuccess;
  }
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (subcommand->get_name() != topic) continue;
    Print(subcommand->help(app.get_name()));
    return kSuccess;
  }
  Complain("there is no subcommand '" + topic + "'; see weir --help");
  return kUsage;
}

// Adds every subcommand of `app` that is shown; `user hash` is one of them.
void AddManCommands(const CLI::App& app, const std::string& prefix,
                    std::vector<ManCommand>& commands) {
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (subcommand->get_group().empty()) continue;
    const std::string name = prefix + subcommand->get_name();
    if (!subcommand->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      AddManCommands(*subcommand, name + " ", commands);
      continue;
    }
    ManCommand& command = commands.emplace_back();
    command.name = name;
    command.doc = subcommand->get_description();
    for (const CLI::Option* option : subcommand->get_options()) {
      if (option == subcommand->get_help_ptr()) continue;
      command.arguments.push_back({option->get_name(),
                                   option->get_positional() ? "" : option->get_type_name(),
                                   option->get_description()});
    }
  }
}

// Prints a text that is generated from the tables.
int RunDocs(const CLI::App& app, const std::string& topic) {
  if (topic == "configuration") {
    Print(ConfigurationDocument());
  } else if (topic == "commands") {
    Print(CommandsDocument());
  } else if (topic == "man") {
    std::vector<ManCommand> commands;
    AddManCommands(app, "", commands);
    Print(ManPage(WEIR_VERSION, commands));
  } else {
    Complain("there is no generated document '" + topic +
             "'; write configuration, commands or man");
    return kUsage;
  }
  return kSuccess;
}

int Run(int argc, char** argv) {
  CLI::App app("weir: one fast, fair, durable Redis in front of a service's databases.", "weir");
  app.require_subcommand(1, 1);
  app.set_version_flag("--version", "weir " WEIR_VERSION, "Print the version.");
  app.get_formatter()->column_width(36);
  Arguments arguments;
  CLI::App* serve = app.add_subcommand("serve", "Serve clients; needs no option at all.");
  DeclareServe(*serve, arguments);
  CLI::App* check = app.add_subcommand(
      "check", "Print the effective configuration and memory budget of a file, or its errors.");
  check->add_option("FILE", arguments.check_file, "Configuration file, TOML.")->required();
  DeclareRing(app, arguments.ring);
  DeclareKetama(app, arguments.ketama);
  DeclareShard(app, arguments.shard);
  DeclareBackup(app, arguments);
  DeclareBench(app, arguments.bench);
  DeclareReplay(app, arguments.replay);
  DeclareAdvise(app, arguments.advise);
  CLI::App* user = app.add_subcommand("user", "Prepare a [[user]] of the configuration.");
  user->require_subcommand(1, 1);
  user->add_subcommand("hash", "Read a password and print its hash, as the line of the file.");
  CLI::App* version = app.add_subcommand("version", "Print the version.");
  CLI::App* help = app.add_subcommand("help", "Explain a subcommand.");
  help->add_option(
      "SUBCOMMAND", arguments.help_topic,
      "serve, check, user, ring, shard, backup, restore, verify, bench, replay, advise, docs or "
      "version.");
  CLI::App* docs = app.add_subcommand(
      "docs", "Print a page that this program knows: its configuration, commands or manual.");
  docs->add_option("TOPIC", arguments.docs_topic, "configuration, commands or man.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> extras = app.remaining(true);
    Complain((extras.empty() ? error.what() : DescribeUnexpected(extras)) + "; see weir --help");
    return kUsage;
  }
  if (serve->parsed()) return RunServe(arguments.serve_file, arguments.flags);
  if (user->parsed()) return RunUserHash();
  if (check->parsed()) return RunCheck(arguments.check_file);
  if (app.got_subcommand("ring")) return RunRing(app, arguments.ring, arguments.ketama);
  if (app.got_subcommand("shard")) return RunShard(app, arguments.shard);
  if (app.got_subcommand("backup")) return RunBackup(arguments.backup);
  if (app.got_subcommand("restore")) {
    return RunRestoreCommand(arguments.restore_from, arguments.restore_to);
  }
  if (app.got_subcommand("verify")) return RunVerifyCommand(arguments.verify);
  if (app.got_subcommand("bench")) return RunBench(arguments.bench);
  if (app.got_subcommand("replay")) return RunReplay(arguments.replay);
  if (app.got_subcommand("advise")) return RunAdvise(arguments.advise);
  if (version->parsed()) Print("weir " WEIR_VERSION "\n");
  if (docs->parsed()) return RunDocs(app, arguments.docs_topic);
  if (help->parsed()) return RunHelp(app, arguments.help_topic);
  return kSuccess;
}

}  // namespace
}  // namespace weir::cmd

int main(int argc, char** argv) {
  return weir::cmd::Run(argc, argv);
}
