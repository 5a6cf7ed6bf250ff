// The error texts that clients see. Those of Redis are byte for byte its own, since clients match
// them; weir's own have prefixes that no client library retries on.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace weir::gateway::errors {

inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kDecrementOverflow = "ERR decrement would overflow";
inline constexpr std::string_view kBounds = "ERR LBOUND must not be above UBOUND";
inline constexpr std::string_view kNotInt32 =
    "ERR value is out of range, value must between -2147483648 and 2147483647";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNanOrInfinity = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kOffset = "ERR offset is out of range";
inline constexpr std::string_view kBitOffset = "ERR bit offset is not an integer or out of range";
inline constexpr std::string_view kBit = "ERR bit is not an integer or out of range";
inline constexpr std::string_view kBitArgument = "ERR The bit argument must be 1 or 0.";
inline constexpr std::string_view kBitopNot =
    "ERR BITOP NOT must be called with a single source key.";
inline constexpr std::string_view kBitfieldType =
    "ERR Invalid bitfield type. Use something like i16 u8. "
    "Note that u64 is not supported but i64 is.";
inline constexpr std::string_view kOverflowType = "ERR Invalid OVERFLOW type specified";
inline constexpr std::string_view kBitfieldReadOnly =
    "ERR BITFIELD_RO only supports the GET subcommand";
inline constexpr std::string_view kLcsOptions =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kLcsMemory =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kNoLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
    "Please note that when switching between policies at runtime LRU and LFU data will take some "
    "time to adjust.";
inline constexpr std::string_view kTimeout = "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kFunctionFlush =
    "ERR FUNCTION FLUSH only supports SYNC|ASYNC option";
inline constexpr std::string_view kNoLibraryName = "ERR library name argument was not given";
inline constexpr std::string_view kDebugDisabled =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
    "can run it from a local connection, otherwise you need to set this option in the "
    "configuration file, and then restart the server.";
inline constexpr std::string_view kSlotStatsUnderWay =
    "OVERLOADED retry_after_ms=1000 reason=queue : another CLUSTER SLOT-STATS is counting keys; "
    "try again when it has ended";
// Clients know the first word from Redis; some try again by themselves.
inline constexpr std::string_view kLoading =
    "LOADING this node asks the others whether they have its list of nodes; try again";
inline constexpr std::string_view kClusterDisabled =
    "ERR This instance has cluster support disabled";
inline constexpr std::string_view kGetkeysCommand = "ERR Invalid command specified";
inline constexpr std::string_view kGetkeysNone = "ERR The command has no key arguments";
inline constexpr std::string_view kGetkeysArity =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kGetkeysArguments = "ERR Invalid arguments specified for command";
inline constexpr std::string_view kDbIndex = "ERR DB index is out of range";
inline constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
inline constexpr std::string_view kTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kReplyTooLarge =
    "ERR the values asked for are together larger than one reply may be; ask for fewer keys at "
    "once, or give the server more memory";
inline constexpr std::string_view kTransactionReplyTooLarge =
    "ERR the replies of this transaction are together larger than one reply may be; this command "
    "was not run; split the transaction";
inline constexpr std::string_view kKeyTooLong = "ERR key is longer than the database can hold";
inline constexpr std::string_view kPatternTooLong = "ERR pattern is longer than 128 KiB; no key is";
inline constexpr std::string_view kNamePatternsTooLong =
    "ERR the patterns are longer than 512 bytes together; no name is";
inline constexpr std::string_view kPatternTakesLong =
    "ERR the pattern takes too long to match a key; use a shorter one, or fewer stars";
inline constexpr std::string_view kNoProto = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kProtoNotInteger =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kNoPassword =
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?";
inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kNoAuthHello =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
    "version at the same time";
inline constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kUserChanged =
    "NOAUTH the user of this connection has been removed or has another password; connect again";
inline constexpr std::string_view kMayNotBeTold =
    "NOPERM the user of this connection may not see all keys that CLIENT TRACKING BCAST tells it "
    "of; connect again";
inline constexpr std::string_view kNoKeyPermission =
    "NOPERM this user has no permissions to access one of the keys used as arguments";
inline constexpr std::string_view kPasswordBits =
    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
    "number up to 4096";
inline constexpr std::string_view kUsersAreConfigured =
    "ERR users are configured by [[user]] in the file of weir serve --config; change it there and "
    "send weir SIGHUP";
inline constexpr std::string_view kNoConfigFile = "ERR The server is running without a config file";
inline constexpr std::string_view kNoRewrite =
    "ERR weir does not write its configuration file; put what CONFIG SET changed there yourself";
inline constexpr std::string_view kNoSuchClient = "ERR No such client";
inline constexpr std::string_view kClientId = "ERR Invalid client ID";
inline constexpr std::string_view kClientIdPositive = "ERR client-id should be greater than 0";
inline constexpr std::string_view kMaxAge = "ERR maxage is not an integer or out of range";
inline constexpr std::string_view kPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kUnblockReason =
    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kCaching =
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
    "OPTOUT mode enabled";
inline constexpr std::string_view kCachingYes =
    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
inline constexpr std::string_view kCachingNo =
    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";
inline constexpr std::string_view kOneRedirect =
    "ERR A client can only redirect to a single other client";
inline constexpr std::string_view kNoRedirectTarget =
    "ERR The client ID you want redirect to does not exist";
inline constexpr std::string_view kRedirectToResp2 =
    "ERR the client you want redirect to does not speak RESP3: weir has no Pub/Sub, so it must "
    "send HELLO 3 first";
inline constexpr std::string_view kPrefixWithoutBcast =
    "ERR PREFIX option requires BCAST mode to be enabled";
inline constexpr std::string_view kSwitchBcast =
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
    "re-enabling it with a different mode.";
inline constexpr std::string_view kOptWithBcast =
    "ERR OPTIN and OPTOUT are not compatible with BCAST";
inline constexpr std::string_view kOptInAndOut =
    "ERR You can't specify both OPTIN mode and OPTOUT mode";
inline constexpr std::string_view kSwitchOpt =
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
    "re-enabling it with a different mode.";
inline constexpr std::string_view kTooManyPrefixes =
    "ERR too many prefixes are tracked: at most 128 for a client and 4096 in all, of 1024 bytes "
    "each";
inline constexpr std::string_view kMonitorInMulti =
    "ERR MONITOR isn't allowed for DENY BLOCKING client";
inline constexpr std::string_view kTooManyMonitors =
    "ERR 32 clients are in MONITOR already; end one of them first";
inline constexpr std::string_view kSlowlogCount = "ERR count should be greater than or equal to -1";
inline constexpr std::string_view kNoShutdown = "ERR No shutdown in progress.";
inline constexpr std::string_view kNotStopped =
    "ERR this server cannot be stopped by a command; send its process SIGTERM";
inline constexpr std::string_view kTooManyClients = "ERR max number of clients reached";
inline constexpr std::string_view kNoBackup =
    "ERR this server keeps nothing on disk, so there is nothing to back up";
inline constexpr std::string_view kNoShardAdder =
    "ERR this server keeps nothing on disk, so no directory can be added";
inline constexpr std::string_view kLimitKey = "ERR a key is missing before its limits";
inline constexpr std::string_view kTooManyLimits = "ERR at most 8 limits decide together";
inline constexpr std::string_view kNegativeTokens =
    "ERR BURST and COST must not be negative; LIMIT.REFUND gives tokens back";
inline constexpr std::string_view kExplainOthers =
    "NOPERM explaining the requests of others needs the right `admin`";
inline constexpr std::string_view kEnforcedLimit =
    "NOPERM taking from or giving back to a limit that weir enforces itself needs the right "
    "`admin`; LIMIT.PEEK does not";
inline constexpr std::string_view kLimitTtl = "ERR TTL must be from 1 ms to a day";
inline constexpr std::string_view kLimitMax = "ERR MAX must be from 1 to 10000";
inline constexpr std::string_view kWaitMax = "ERR MAX must be from 0 to 3600000 ms";
inline constexpr std::string_view kReservedKeys =
    "ERR the keys of a reservation are longer than 4096 bytes together";
inline constexpr std::string_view kNoReservation =
    "ERR this key has no such reservation: it was settled, or its time is up";
inline constexpr std::string_view kFixedPolicies =
    "ERR this server's limit policies cannot be changed while it runs";
inline constexpr std::string_view kNotAddress = "ERR FROM needs an IP address";
inline constexpr std::string_view kNoSuchKeyspace =
    "ERR no [[keyspace]] has exactly this prefix; configure one, or use WEIR.INVALIDATE KEY or TAG";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kBusyKey = "BUSYKEY Target key name already exists.";
inline constexpr std::string_view kRestoreTtl = "ERR Invalid TTL value, must be >= 0";
inline constexpr std::string_view kIdleTime = "ERR Invalid IDLETIME value, must be >= 0";
inline constexpr std::string_view kFrequency = "ERR Invalid FREQ value, must be >= 0 and <= 255";
inline constexpr std::string_view kBadPayload = "ERR DUMP payload version or checksum are wrong";
inline constexpr std::string_view kBadFormat = "ERR Bad data format";
inline constexpr std::string_view kCrossDatabase =
    "CROSSSLOT Keys in request are stored in different databases";
inline constexpr std::string_view kCrossSlot =
    "CROSSSLOT Keys in request don't hash to the same slot";
inline constexpr std::string_view kNoSuchAnswer =
    "UNKNOWN a node answered its part of this command with something else than asked for";
inline constexpr std::string_view kNodesAreConfigured =
    "ERR nodes and their slots are configured by the [[node]] sections of all nodes' files";
inline constexpr std::string_view kInvalidSlot = "ERR Invalid slot";
inline constexpr std::string_view kSlotOrCount = "ERR Invalid slot or number of keys";
inline constexpr std::string_view kSlotOutOfRange = "ERR Invalid or out of range slot";
inline constexpr std::string_view kSlotMetric = "ERR Unrecognized sort metric for ORDERBY.";
inline constexpr std::string_view kSlotLimit =
    "ERR Limit has to lie in between 1 and 16384 (maximum number of slots).";

inline constexpr std::string_view kNoMulti = "ERR Command not allowed inside a transaction";
inline constexpr std::string_view kNestedMulti = "ERR MULTI calls can not be nested";
inline constexpr std::string_view kWatchInMulti = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view kExecWithoutMulti = "ERR EXEC without MULTI";
inline constexpr std::string_view kCacheSize =
    "ERR a size of the cache must be a number of bytes above 0";
inline constexpr std::string_view kCacheTooSmall =
    "ERR the cache is too small to estimate what other sizes would miss";
inline constexpr std::string_view kDiscardWithoutMulti = "ERR DISCARD without MULTI";
inline constexpr std::string_view kExecAborted =
    "EXECABORT Transaction discarded because of previous errors.";
inline constexpr std::string_view kWatchFailed =
    "EXECABORT Transaction discarded because a WATCH before it failed; send UNWATCH and try again";

// What error replies begin with; the last stands for all others. Metrics have one series for each.
inline constexpr auto kPrefixes = std::to_array<std::string_view>(
    {"ERR", "WRONGTYPE", "NOAUTH", "WRONGPASS", "NOPERM", "NOPROTO", "THROTTLED", "OVERLOADED",
     "UNKNOWN", "CROSSSLOT", "EXECABORT", "BUSYKEY", "READONLY", "LOADING", "MOVED", "UNBLOCKED",
     "CLUSTERDOWN", "OTHER"});
inline constexpr size_t kPrefixCount = kPrefixes.size();
// Returns the index in kPrefixes.
size_t PrefixIndex(std::string_view prefix);

std::string UnknownCommand(std::string_view name, const std::string_view* args, size_t count);
std::string UnknownSubcommand(std::string_view name, std::string_view command);
// The subcommand is known, its arguments are not.
std::string SubcommandSyntax(std::string_view name, std::string_view command);
std::string NoCommandPermission(std::string_view command);
// Of what another node sends: this node has no such user; the command concerns a connection.
std::string NoUserHere(std::string_view user);
std::string NotFromNodes(std::string_view command);
std::string WrongArity(std::string_view command);
std::string TooManyKeys(size_t limit);
std::string TooManyArguments(std::string_view command, size_t limit);
// The slot is served by the node at `address`.
std::string Moved(unsigned slot, std::string_view address);
// Another node, as its operator calls it.
struct NodeName {
  std::string_view id;
  std::string address;
};
// It does not serve what was forwarded there: it cannot be asked, or a read was lost.
std::string NodeDown(const NodeName& node, std::string_view why);
// A write that was forwarded there may have been received.
std::string ForwardLost(const NodeName& node, std::string_view why);
// It says that another node serves what was forwarded there.
std::string NodesDisagree(const NodeName& node);
// The first slot of a range is after its last.
std::string SlotsInverted(int64_t first, int64_t last);
// There is no node with this id in Redis Cluster's protocol.
std::string UnknownNode(std::string_view id);
std::string InvalidExpire(std::string_view command);
// Words of the client's that are not known where they stand.
std::string UnsupportedOption(std::string_view word);
std::string UnrecognizedOption(std::string_view word);
std::string HelloSyntax(std::string_view word);
std::string UnknownCategory(std::string_view word);
std::string UnknownArgument(std::string_view word);
// ACL DRYRUN names a user, or a command, that there is not.
std::string UserNotFound(std::string_view name);
std::string CommandNotFound(std::string_view name);
std::string NoNumber(std::string_view word);
std::string NoPosition(std::string_view word);
// The value of this attribute of CLIENT SETINFO would break a list.
std::string NotPlain(std::string_view attribute);

// Of LIMIT.*: where RATE or POLICY must stand, `word` does, or nothing.
std::string NoLimitOfKey(std::string_view word);
std::string NotRate(std::string_view word);
std::string NoSuchPolicy(std::string_view name);
std::string CostsOfReservation(size_t limits);

// EXEC itself was refused with `error`, a whole reply.
std::string ExecRefused(std::string_view error);
std::string UnknownParameter(std::string_view name);
std::string UnknownClientType(std::string_view type);
std::string NoSuchUser(std::string_view name);
// `prefix` of CLIENT TRACKING overlaps with one that the client had, or with one of the same
// command.
std::string OverlapsExistingPrefix(std::string_view prefix, std::string_view other);
std::string OverlapsProvidedPrefix(std::string_view prefix, std::string_view other);
std::string NoLatencySamples(std::string_view event);
// `command` cannot be queued by MULTI, or only where there is one database.
std::string NotInTransaction(std::string_view command);
std::string WholeInTransaction(std::string_view command);
// A write that MULTI is to queue behind a command that looks through all keys.
std::string WriteAfterAsking(std::string_view command);
// A limit of transactions is reached.
std::string TransactionTooLarge(std::string_view what, size_t limit);
// A long command, or the value that a write makes, finds no room.
std::string TooMuchHeavyWork();
std::string NoRoomForValue();
// The values that a transaction makes are more than `bytes`.
std::string TooMuchMade(size_t bytes);
std::string TooMuchWatched(std::string_view what, size_t limit);
// One of several databases or nodes answered its part of a command with `error`, another otherwise.
std::string PartlyApplied(std::string_view error);

}  // namespace weir::gateway::errors
