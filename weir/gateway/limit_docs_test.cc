// Goal: what COMMAND DOCS and docs/commands.md tell of the commands about limits is so: each form
// of their arguments is taken, and answered as told.
// Method: requests made from the table of commands/limit_docs.h, over a whole gateway, in RESP2 and
// RESP3.
#include "weir/gateway/commands/limit_docs.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "weir/gateway/limit_docs_fixture.h"

namespace weir::gateway {
namespace {

using resp::Value;
using Forms = std::vector<Words>;

Forms FormsOf(std::span<const Argument> arguments);

// The ways in which an argument may be given; a leaf as its name in angles.
Forms FormsOf(const Argument& argument) {
  Forms forms;
  switch (argument.type) {
    case Argument::Type::kOneOf:
      for (const Argument& part : argument.parts()) {
        for (const Words& form : FormsOf(part)) forms.push_back(form);
      }
      break;
    case Argument::Type::kBlock:
      forms = FormsOf(argument.parts());
      break;
    default:
      forms = {{"<" + std::string(argument.name) + ">"}};
  }
  if (!argument.token.empty()) {
    for (Words& form : forms) form.insert(form.begin(), std::string(argument.token));
  }
  if (argument.multiple()) forms.push_back(Joint(forms.front(), forms.back()));
  if (argument.optional()) forms.insert(forms.begin(), Words());
  return forms;
}

// Each form of each argument, with the first ones of the others; and the last ones of all.
Forms FormsOf(std::span<const Argument> arguments) {
  Forms forms;
  const auto with = [&](size_t chosen, size_t form) {
    Words words;
    for (size_t i = 0; i < arguments.size(); ++i) {
      words = Joint(words, FormsOf(arguments[i])[i == chosen ? form : 0]);
    }
    forms.push_back(words);
  };
  with(0, 0);
  for (size_t i = 0; i < arguments.size(); ++i) {
    for (size_t form = 1; form < FormsOf(arguments[i]).size(); ++form) with(i, form);
  }
  Words last;
  for (const Argument& argument : arguments) last = Joint(last, FormsOf(argument).back());
  forms.push_back(last);
  return forms;
}

// Whether a value is what a field is told to be.
bool Is(const Value& value, ReplyField::Type type, bool resp3) {
  switch (type) {
    case ReplyField::Type::kInteger:
      return value.kind == Value::Kind::kInteger;
    case ReplyField::Type::kText:
      return value.kind == Value::Kind::kBulk;
    case ReplyField::Type::kTextOrNull:
      return value.kind == Value::Kind::kBulk || value.kind == Value::Kind::kNull;
    case ReplyField::Type::kSeconds:
      return value.kind == (resp3 ? Value::Kind::kDouble : Value::Kind::kBulk);
    case ReplyField::Type::kList:
      return value.kind == Value::Kind::kArray;
  }
  __builtin_unreachable();
}

bool AreFields(const Value& value, const ReplyDocs& docs, bool resp3) {
  if (value.kind != Value::Kind::kArray || value.items.size() != docs.fields.size()) return false;
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (!Is(value.items[i], docs.fields[i].type, resp3)) return false;
  }
  return true;
}

// `more`: how many other names and values stand before the fields.
bool IsMap(const Value& value, const ReplyDocs& docs, bool resp3, size_t more = 0) {
  if (value.kind != (resp3 ? Value::Kind::kMap : Value::Kind::kArray)) return false;
  if (value.items.size() != 2 * (docs.fields.size() + more)) return false;
  for (size_t i = 0; i < docs.fields.size(); ++i) {
    const size_t at = 2 * (i + more);
    if (value.items[at].text != docs.fields[i].name) return false;
    if (!Is(value.items[at + 1], docs.fields[i].type, resp3)) return false;
  }
  return true;
}

bool AllAre(const Value& value, auto is_one) {
  if (value.kind != Value::Kind::kArray) return false;
  return std::all_of(value.items.begin(), value.items.end(), is_one);
}

bool IsAsTold(const Value& value, const ReplyDocs& docs, bool resp3) {
  switch (docs.form) {
    case ReplyDocs::Form::kOk:
      return value.kind == Value::Kind::kSimple && value.text == "OK";
    case ReplyDocs::Form::kInteger:
      return value.kind == Value::Kind::kInteger;
    case ReplyDocs::Form::kTexts:
      return AllAre(value, [](const Value& one) { return one.kind == Value::Kind::kBulk; });
    case ReplyDocs::Form::kFields:
      return AreFields(value, docs, resp3);
    case ReplyDocs::Form::kMap:
      return IsMap(value, docs, resp3);
    case ReplyDocs::Form::kMapMore:
      return value.kind == Value::Kind::kNull || IsMap(value, docs, resp3, 1);
    case ReplyDocs::Form::kRows:
      return AllAre(value, [&](const Value& one) { return AreFields(one, docs, resp3); });
    case ReplyDocs::Form::kMapsEach:
      return AllAre(value, [&](const Value& one) { return IsMap(one, docs, resp3); });
  }
  __builtin_unreachable();
}

class LimitDocsTest : public LimitDocsFixture, public testing::WithParamInterface<int> {
 protected:
  LimitDocsTest() : LimitDocsFixture({}) {}
  bool resp3() const { return GetParam() == 3; }
};
INSTANTIATE_TEST_SUITE_P(Protocols, LimitDocsTest, testing::Values(2, 3));

TEST_P(LimitDocsTest, EachFormIsTakenAndAnsweredAsTold) {
  if (resp3()) Ask({"HELLO", "3"});
  for (int i = 0; i < 3; ++i) Ask({"LIMIT.CHECK", "often", "RATE", "1/h"});  // An offender.
  size_t forms = 0;
  ForEachTold([&](const CommandSpec& spec) {
    for (const Words& form : FormsOf(spec.docs->arguments)) {
      const Words words = RequestOf(spec, form);
      const Value value = Ask(words);
      EXPECT_TRUE(IsAsTold(value, spec.docs->reply, resp3())) << Shown(words) << Show(value);
      ++forms;
    }
  });
  EXPECT_GT(forms, 100u);
  const Words absent = {"LIMIT.POLICY", "GET", "absent"};
  EXPECT_TRUE(IsAsTold(Ask(absent), docs::kPolicyGet.reply, resp3()));
  const Words owned = {"LIMIT.POLICY", "GET", "owned"};
  EXPECT_TRUE(IsAsTold(Ask(owned), docs::kPolicyGet.reply, resp3()));
  const Value explained = Ask({"LIMIT.EXPLAIN", "SET", "user:1", "x"});
  EXPECT_EQ(explained.items.size(), 1u);
  EXPECT_TRUE(IsAsTold(explained, docs::kExplain.reply, resp3()));
}

TEST(LimitDocs, SyntaxIsWrittenAsPeopleDo) {
  EXPECT_EQ(SyntaxOf(*FindCommand("limit.reserve")),
            (Words{"LIMIT.RESERVE key limit [limit ...] [AND key limit [limit ...] ...] "
                   "[TTL milliseconds]",
                   "limit: RATE count/period [BURST tokens] [COST tokens] | "
                   "POLICY name [COST tokens]"}));
  EXPECT_EQ(SyntaxOf(*FindCommand("limit.policy|set")),
            (Words{"LIMIT.POLICY SET name parameter value [parameter value ...]"}));
  EXPECT_EQ(TextOf(docs::kAcquire.reply),
            "array: acquired (integer), in_use (integer), retry_after_ms (integer), "
            "lease (string or null)");
}

}  // namespace
}  // namespace weir::gateway
