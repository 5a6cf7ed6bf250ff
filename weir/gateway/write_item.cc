#include "weir/gateway/write_item.h"

#include "weir/gateway/command.h"

namespace weir::gateway {

WriteItem::WriteItem() = default;
WriteItem::~WriteItem() = default;
WriteItem::WriteItem(WriteItem&&) noexcept = default;
WriteItem& WriteItem::operator=(WriteItem&&) noexcept = default;

size_t WriteItem::bytes() const {
  return transaction != nullptr ? transaction->bytes() : args.bytes();
}

size_t WriteItem::KeyCount() const {
  return transaction != nullptr ? transaction->keys : command->KeyCount(args.views());
}

bool TransactionBody::RunsApart(const WriteItem& step) const {
  const CommandSpec& spec = *step.command;
  return spec.kind == CommandKind::kOperation && (spec.in_transaction == nullptr || !whole);
}

std::optional<std::string_view> WriteItem::first_key() const {
  if (transaction == nullptr) {
    if (command->KeyCount(args.views()) == 0) return std::nullopt;
    return args[command->KeyIndex(0)];
  }
  for (const WriteItem& step : transaction->steps) {
    if (const std::optional<std::string_view> key = step.first_key()) return key;
  }
  return std::nullopt;
}

bool WriteItem::whole() const {
  return transaction != nullptr && transaction->whole;
}

}  // namespace weir::gateway
