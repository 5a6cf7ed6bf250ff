#include "cmd/weir/node_watch.h"

#include <string>
#include <utility>
#include <vector>

#include "cmd/weir/log.h"
#include "cmd/weir/node_question.h"

namespace weir::cmd {
namespace {

void Tell(const NodeAgreement::News& news) {
  switch (news.level) {
    case NodeAgreement::News::Level::kInfo:
      return LogInfo(news.text);
    case NodeAgreement::News::Level::kWarning:
      return LogWarn(news.text);
    case NodeAgreement::News::Level::kError:
      return;  // By who asked: before it serves it ends.
  }
}

}  // namespace

NodeWatch::NodeWatch(std::shared_ptr<const nodes::NodeTable> table, Clock& clock)
    : table_(std::move(table)),
      clock_(clock),
      agreement_(*table_),
      unknown_(agreement_.counts().unknown) {}

NodeWatch::~NodeWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Ok> NodeWatch::AskAll() {
  const std::vector<nodes::Node> open = agreement_.Open();
  const std::vector<Result<resp::Value>> answers = AskNodes(open, kPatience, clock_);
  std::string errors;
  for (size_t i = 0; i < open.size(); ++i) {
    const std::optional<NodeAgreement::News> news = agreement_.Take(open[i], answers[i]);
    if (!news.has_value()) continue;
    Tell(*news);
    if (news->level != NodeAgreement::News::Level::kError) continue;
    errors += (errors.empty() ? "" : ". ") + news->text;
  }
  unknown_ = agreement_.counts().unknown;
  differing_ = agreement_.counts().differing;
  if (errors.empty()) return Ok{};
  return Error{ErrorCode::kInvalid, std::move(errors)};
}

void NodeWatch::KeepAsking() {
  if (!agreement_.Open().empty()) thread_ = std::thread([this] { Run(); });
}

void NodeWatch::Run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kAskAgain, [this] { return ends_; })) {
    lock.unlock();
    const Result<Ok> asked = AskAll();
    if (!asked.ok()) {
      LogError("two lists of nodes serve clients at once, and keys of some slots are on two nodes",
               {{"error", asked.error().message}});
    }
    if (agreement_.Open().empty()) return;
    lock.lock();
  }
}

}  // namespace weir::cmd
