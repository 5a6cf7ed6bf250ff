// What is told of the commands about limits: their arguments, replies and errors. Rows refer to it
// (limit_rows.h); COMMAND DOCS, docs/commands.md and limit_docs_test.cc read it.
#pragma once

#include <array>

#include "weir/gateway/command_docs.h"
#include "weir/gateway/errors.h"

namespace weir::gateway::docs {

using Type = Argument::Type;

constexpr Argument Text(std::string_view name) {
  return {.name = name};
}
constexpr Argument Number(std::string_view name) {
  return {.name = name, .type = Type::kInteger};
}
constexpr Argument With(std::string_view token, Argument argument) {
  argument.token = token;
  return argument;
}
constexpr Argument Optional(Argument argument) {
  argument.flags |= Argument::kOptional;
  return argument;
}
constexpr Argument Several(Argument argument) {
  argument.flags |= Argument::kMultiple;
  return argument;
}
template <size_t N>
constexpr Argument Parts(std::string_view name, Type type, const std::array<Argument, N>& parts) {
  return {.name = name, .type = type, .first_part = parts.data(), .part_count = N};
}
// The lists one after the other.
template <typename T, size_t... Ns>
constexpr std::array<T, (Ns + ...)> Joined(const std::array<T, Ns>&... lists) {
  std::array<T, (Ns + ...)> joined{};
  size_t at = 0;
  const auto add = [&](const auto& list) {
    for (const T& one : list) joined[at++] = one;
  };
  (add(lists), ...);
  return joined;
}

inline constexpr Argument kKey = {.name = "key", .type = Type::kKey, .key_spec = 0};

// The grammar of limits; limit_words.h reads it.
inline constexpr std::array kOwnLimit = {With("RATE", Text("count/period")),
                                         Optional(With("BURST", Number("tokens"))),
                                         Optional(With("COST", Number("tokens")))};
inline constexpr std::array kPolicyLimit = {With("POLICY", Text("name")),
                                            Optional(With("COST", Number("tokens")))};
inline constexpr std::array kLimitChoices = {Parts("own", Type::kBlock, kOwnLimit),
                                             Parts("configured", Type::kBlock, kPolicyLimit)};
inline constexpr Argument kLimit = Several(Parts("limit", Type::kOneOf, kLimitChoices));
inline constexpr std::array kOfAnotherKey = {Argument{.name = "key", .type = Type::kKey}, kLimit};
inline constexpr Argument kOtherKeys = {
    .name = "other-keys",
    .type = Type::kBlock,
    .flags = Argument::kOptional | Argument::kMultiple | Argument::kMultipleToken,
    .token = "AND",
    .first_part = kOfAnotherKey.data(),
    .part_count = kOfAnotherKey.size()};
inline constexpr std::array kLimits = {kKey, kLimit, kOtherKeys};
inline constexpr std::array kWaitArguments =
    Joined(kLimits, std::array{With("MAX", Number("milliseconds"))});
inline constexpr std::array kReserveArguments =
    Joined(kLimits, std::array{Optional(With("TTL", Number("milliseconds")))});

inline constexpr std::array kCancelArguments = {kKey, Text("reservation")};
inline constexpr std::array kCommitArguments =
    Joined(kCancelArguments, std::array{Optional(Several(Number("cost")))});
inline constexpr std::array kAcquireArguments = {kKey, With("MAX", Number("places")),
                                                 With("TTL", Number("milliseconds")),
                                                 Optional(With("LEASE", Text("lease")))};
inline constexpr std::array kReleaseArguments = {kKey, Text("lease")};
inline constexpr std::array kExplainArguments = {Optional(With("AS", Text("user"))),
                                                 Optional(With("FROM", Text("address"))),
                                                 Text("command"), Optional(Several(Text("arg")))};
inline constexpr std::array kParameter = {Text("parameter"), Text("value")};
inline constexpr Argument kParameters = Several(Parts("parameters", Type::kBlock, kParameter));
inline constexpr std::array kNameArguments = {Text("name")};
inline constexpr std::array kSetArguments = {Text("name"), kParameters};
inline constexpr std::array kWhatIfArguments = {Text("name"), Optional(kParameters)};
inline constexpr std::array kBucketArguments = {kKey, Number("max_burst"), Number("count"),
                                                Number("period")};
inline constexpr std::array kThrottleArguments =
    Joined(kBucketArguments, std::array{Optional(Number("quantity"))});
inline constexpr std::array kTokenChoices = {With("NUM_REQUESTS", Number("quantity")),
                                             With("TOKENS", Number("quantity"))};
inline constexpr std::array kGcraArguments =
    Joined(kBucketArguments, std::array{Optional(Parts("quantity", Type::kOneOf, kTokenChoices))});

// Replies. Times are in milliseconds where a name says so, else in seconds.
using Field = ReplyField;
inline constexpr std::array kOutcome = {Field{"allowed"}, Field{"remaining"},
                                        Field{"retry_after_ms"}, Field{"reset_after_ms"},
                                        Field{"limit"}};
inline constexpr std::array kWaited = Joined(kOutcome, std::array{Field{"waited_ms"}});
inline constexpr std::array kReserved =
    Joined(kOutcome, std::array{Field{"reservation", Field::Type::kTextOrNull}});
inline constexpr std::array kAcquired = {Field{"acquired"}, Field{"in_use"},
                                         Field{"retry_after_ms"},
                                         Field{"lease", Field::Type::kTextOrNull}};
inline constexpr std::array kReleased = {Field{"released"}};
inline constexpr std::array kDeleted = {Field{"deleted"}};
inline constexpr std::array kCounts = {Field{"allowed"}, Field{"denied"}, Field{"near"},
                                       Field{"shadowed"}, Field{"delayed"}};
inline constexpr std::array kOffender = {Field{"policy", Field::Type::kTextOrNull},
                                         Field{"key", Field::Type::kText}, Field{"refused"},
                                         Field{"error"}};
inline constexpr std::array kExplained = {Field{"policy", Field::Type::kTextOrNull},
                                          Field{"scope", Field::Type::kText},
                                          Field{"key", Field::Type::kText},
                                          Field{"action", Field::Type::kText},
                                          Field{"limit", Field::Type::kText},
                                          Field{"burst"},
                                          Field{"cost"},
                                          Field{"allowed"},
                                          Field{"remaining"},
                                          Field{"retry_after_ms"},
                                          Field{"reset_after_ms"}};
inline constexpr std::array kReport = {Field{"requests"},
                                       Field{"denied"},
                                       Field{"denied_percent", Field::Type::kText},
                                       Field{"buckets"},
                                       Field{"sample", Field::Type::kText},
                                       Field{"one_in"},
                                       Field{"span_ms"},
                                       Field{"top", Field::Type::kList}};
inline constexpr std::array kThrottled = {Field{"limited"}, Field{"limit"}, Field{"remaining"},
                                          Field{"retry_after"}, Field{"reset_after"}};
inline constexpr std::array kThrottledExactly = {
    Field{"limited"}, Field{"limit"}, Field{"remaining"},
    Field{"retry_after", Field::Type::kSeconds}, Field{"reset_after", Field::Type::kSeconds}};

// Errors.
inline constexpr std::array kLimitErrors = std::to_array<ErrorDocs>({
    {errors::kLimitKey, "AND stands last"},
    {"ERR a limit of the key is missing: RATE count/period or POLICY name", "a key stands last"},
    {"ERR expected RATE count/period or POLICY name, not '*'", "another word stands there"},
    {"ERR '*' is no rate; write it as 100/s, 5000/15m or 1/250ms",
     "of a count above 0, a period up to a year"},
    {errors::kSyntax, "the last word lacks what it is about"},
    {errors::kNotInteger, "of BURST, COST, MAX or TTL"},
    {errors::kNegativeTokens, ""},
    {errors::kTooManyLimits, ""},
    {"ERR the rate's count is 0; give at least 1", ""},
    {"ERR the burst is 0, so nothing could pass; give at least 1", ""},
    {"ERR the rate's period must be above 0", ""},
    {"ERR the rate is above 10^7 a second; a [[limit]] counts it exactly", ""},
    {"ERR the rate is above 10^11 a second", ""},
    {"ERR the burst is above 2^61", ""},
    {"ERR the burst takes more than 10 years to fill at this rate; lower it", ""},
    {"ERR there is no limit policy '*'", ""},
    {"ERR limit policy '*' has a bucket for each client; give an IP address", "the key is none"},
    {"ERR limit policy '*' is for keys that begin with '*'", "this one does not"},
    {errors::kNoKeyPermission, "one of the keys is not the user's"},
});
// Of several in one decision.
inline constexpr std::array kTogetherErrors = std::to_array<ErrorDocs>({
    {"ERR at most 16 rates decide together", "policies may have several rates each"},
    {"ERR two of these limits have the same bucket", ""},
});
inline constexpr std::array kTakingErrors =
    Joined(kTogetherErrors, std::to_array<ErrorDocs>({
                                {errors::kEnforcedLimit, "the policy limits other commands too"},
                            }));
inline constexpr ErrorGroup kOfLimits = {"limits", kLimitErrors};

inline constexpr std::array kWaitErrors = Joined(
    kTakingErrors, std::to_array<ErrorDocs>({
                       {errors::kWaitMax, ""},
                       {"OVERLOADED retry_after_ms=* reason=limit : *", "as many wait as may"},
                       {errors::kUnblocked, "by CLIENT UNBLOCK id ERROR"},
                   }));
inline constexpr std::array kReserveErrors =
    Joined(kTakingErrors,
           std::to_array<ErrorDocs>({
               {errors::kLimitTtl, ""},
               {errors::kReservedKeys, ""},
               {"OVERLOADED retry_after_ms=* reason=limit : *", "65536 reservations are open"},
           }));
inline constexpr std::array kCancelErrors = std::to_array<ErrorDocs>({
    {errors::kNoReservation, ""},
});
inline constexpr std::array kCommitErrors =
    Joined(kCancelErrors, std::to_array<ErrorDocs>({
                              {"ERR the reservation has * limits; give as many costs, or none", ""},
                              {errors::kNotInteger, "of a cost"},
                              {errors::kNegativeTokens, ""},
                          }));
inline constexpr std::array kAcquireErrors = std::to_array<ErrorDocs>({
    {errors::kSyntax, "a word is not where it belongs"},
    {errors::kNotInteger, "of MAX or TTL"},
    {errors::kLimitMax, ""},
    {errors::kLimitTtl, ""},
    {"OVERLOADED retry_after_ms=* reason=limit : *", "131072 places are leased"},
});
inline constexpr std::array kExplainErrors = std::to_array<ErrorDocs>({
    {errors::kNotAddress, ""},
    {errors::kGetkeysCommand, "there is no such command"},
    {"ERR wrong number of arguments for '*' command", "of the command that is explained"},
    {errors::kExplainOthers, "with AS or FROM"},
    {"NOPERM this user has no permissions to run the '*' command", "the one that is explained"},
});
inline constexpr std::array kFixedErrors = std::to_array<ErrorDocs>({
    {errors::kFixedPolicies, "a program has weir built in, and does not let them be"},
});
// Of whoever makes a policy of them.
inline constexpr std::array kParameterErrors = std::to_array<ErrorDocs>({
    {"ERR a limit has no '*'", "there is no such parameter"},
    {"ERR '*' is given twice", "the parameter"},
    {"ERR a limit needs a rate", ""},
    {"ERR *: *", "a parameter, and what is wrong with it"},
});
inline constexpr ErrorGroup kOfParameters = {"parameters", kParameterErrors};
inline constexpr std::array kConfiguredErrors = std::to_array<ErrorDocs>({
    {"ERR limit '*' is configured in the file", ""},
});
inline constexpr std::array kDeleteErrors = Joined(kFixedErrors, kConfiguredErrors);
inline constexpr std::array kSetErrors =
    Joined(kFixedErrors, std::to_array<ErrorDocs>({{errors::kSyntax, "a parameter has no value"}}));
inline constexpr std::array kWhatIfErrors = Joined(
    kSetErrors,
    std::to_array<ErrorDocs>({
        {"ERR there is no limit policy '*'", "and no parameters are given"},
        {"ERR limit policy '*' concerns no request of its own accord, and those that name it are "
         "not "
         "noted",
         "with commands = \"none\""},
        {"ERR how long databases work for a request is not noted", "with unit = \"database_ms\""},
        {"ERR of users 24 bytes are noted and of keys 32; the policy names more", ""},
    }));
inline constexpr std::array kThrottleErrors = std::to_array<ErrorDocs>({
    {errors::kNotInteger, ""},
    {"ERR max_burst must not be negative", ""},
    {"ERR Zero rates are not supported", ""},
    {"ERR the period is above 10 years", ""},
    {"ERR the rate is above 10^9 a second", ""},
    {"ERR the burst takes more than 10 years to fill at this rate", ""},
});
inline constexpr std::array kGcraErrors = std::to_array<ErrorDocs>({
    {errors::kSyntax, "what follows the period is not TOKENS or NUM_REQUESTS and a number"},
});

inline constexpr ErrorGroup kOfBuckets = {"CL.THROTTLE", kThrottleErrors};

using Form = ReplyDocs::Form;
inline constexpr Documentation kCheck = {
    kLimits, {Form::kFields, kOutcome}, kTakingErrors, &kOfLimits};
inline constexpr Documentation kPeek = {
    kLimits, {Form::kFields, kOutcome}, kTogetherErrors, &kOfLimits};
inline constexpr Documentation kWait = {
    kWaitArguments, {Form::kFields, kWaited}, kWaitErrors, &kOfLimits};
inline constexpr Documentation kReserve = {
    kReserveArguments, {Form::kFields, kReserved}, kReserveErrors, &kOfLimits};
inline constexpr Documentation kCommit = {kCommitArguments, {}, kCommitErrors};
inline constexpr Documentation kCancel = {kCancelArguments, {}, kCancelErrors};
inline constexpr Documentation kAcquire = {
    kAcquireArguments, {Form::kFields, kAcquired}, kAcquireErrors};
inline constexpr Documentation kRelease = {kReleaseArguments, {Form::kInteger, kReleased}};
inline constexpr Documentation kExplain = {
    kExplainArguments, {Form::kMapsEach, kExplained}, kExplainErrors, &kOfLimits};
inline constexpr Documentation kOffenders = {{}, {Form::kRows, kOffender}};
inline constexpr Documentation kPolicySet = {kSetArguments, {}, kSetErrors, &kOfParameters};
inline constexpr Documentation kPolicyGet = {kNameArguments, {Form::kMapMore, kCounts}};
inline constexpr Documentation kPolicyDel = {
    kNameArguments, {Form::kInteger, kDeleted}, kDeleteErrors};
inline constexpr Documentation kPolicyList = {{}, {Form::kTexts}};
inline constexpr Documentation kWhatIf = {
    kWhatIfArguments, {Form::kMap, kReport}, kWhatIfErrors, &kOfParameters};
inline constexpr Documentation kThrottle = {
    kThrottleArguments, {Form::kFields, kThrottled}, {}, &kOfBuckets};
inline constexpr Documentation kGcra = {
    kGcraArguments, {Form::kFields, kThrottledExactly}, kGcraErrors, &kOfBuckets};

}  // namespace weir::gateway::docs
