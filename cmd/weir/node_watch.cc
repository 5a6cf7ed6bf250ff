#include "cmd/weir/node_watch.h"

#include <algorithm>
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

NodeWatch::NodeWatch(std::shared_ptr<const nodes::NodeTable> table, std::string run_id,
                     Clock& clock)
    : table_(std::move(table)),
      clock_(clock),
      agreement_(*table_, std::move(run_id)),
      unknown_(agreement_.counts().unknown) {}

NodeWatch::~NodeWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

NodeWatch::Heard NodeWatch::Ask() {
  const std::vector<nodes::Node> asked = agreement_.Asked();
  const std::vector<Result<resp::Value>> answers = AskNodes(asked, kPatience, clock_);
  Heard heard;
  for (size_t i = 0; i < asked.size(); ++i) {
    const std::optional<NodeAgreement::News> news = agreement_.Take(asked[i], answers[i]);
    if (!news.has_value()) continue;
    heard.news = true;
    Tell(*news);
    if (news->level != NodeAgreement::News::Level::kError) continue;
    heard.errors += (heard.errors.empty() ? "" : ". ") + news->text;
  }
  unknown_ = agreement_.counts().unknown;
  differing_ = agreement_.counts().differing;
  return heard;
}

Result<Ok> NodeWatch::AskAll() {
  Heard heard = Ask();
  if (heard.errors.empty()) return Ok{};
  return Error{ErrorCode::kInvalid, std::move(heard.errors)};
}

void NodeWatch::KeepAsking() {
  thread_ = std::thread([this] { Run(); });
}

void NodeWatch::Run() {
  std::chrono::seconds pause = kPauseFirst;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [this] { return ends_; })) {
    lock.unlock();
    const Heard heard = Ask();
    if (!heard.errors.empty()) {
      LogError("two lists of nodes serve clients at once, and keys of some slots are on two nodes",
               {{"error", heard.errors}});
    }
    pause = heard.news ? kPauseFirst : std::min(pause * 2, kPauseMost);
    lock.lock();
  }
}

}  // namespace weir::cmd
