// Connection: one client: its stream, its parser, its pipeline and the replies that wait for it.
//
// One wake-up is one receive, the execution of all commands that are complete, and one send. It
// stops reading while its pipeline is full, while the client does not take its replies, and while
// the server drains; the client feels that through TCP.
//
// One turn executes and sends a bounded amount. A client with more, to say or to hear, goes on in a
// later turn (ServerLoop::ContinueLater), behind those with little.
//
// Threads: single-owner: the thread of its loop.
// Limits: ConnectionLimits; kTurnCommandsMax, kTurnWordsMax, kReceiveBytesMax and
// kTurnSendBytesMax in one turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weir/base/byte_account.h"
#include "weir/base/bytes.h"
#include "weir/base/time.h"
#include "weir/gateway/clients.h"
#include "weir/gateway/pipeline.h"
#include "weir/gateway/session.h"
#include "weir/net/event_loop.h"
#include "weir/net/stream.h"
#include "weir/resp/input_buffer.h"
#include "weir/resp/output_buffer.h"
#include "weir/resp/parser.h"

namespace weir::server {

class ServerLoop;

// What a client may take up of the server. 0 means without limit where so said.
struct ConnectionLimits {
  std::chrono::milliseconds partial_command_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds idle_timeout{0};  // 0: none.
  std::chrono::milliseconds output_stall_timeout = std::chrono::seconds(60);
  size_t bulk_bytes_max = size_t{64} << 20;
  size_t args_max = size_t{1} << 20;  // Of one command, its name included.
  // While so many bytes of replies wait for the client, none of its commands is executed.
  size_t output_bytes_pause = size_t{1} << 20;
  // Of a connection that has not authenticated, where it must; beside resp::kLimitsBeforeAuth.
  std::chrono::milliseconds auth_timeout = std::chrono::seconds(10);
};

// As output_bytes_pause, of a connection that has not authenticated.
inline constexpr size_t kOutputBytesBeforeAuth = size_t{16} << 10;

class Connection final : public net::EventLoop::Watcher {
 public:
  static constexpr size_t kBurstCommandsMax = 64;
  // What one receive takes, so that a client with much to say does not hold up the others.
  static constexpr size_t kReceiveBytesMax = size_t{256} << 10;
  // What one turn executes: some 0.1 ms of commands that are answered from memory.
  static constexpr size_t kTurnCommandsMax = 4 * kBurstCommandsMax;
  // And no further command after so many words, since a command of many keys is like many.
  static constexpr size_t kTurnWordsMax = 2048;
  // What one turn sends. Who has more replies than that asks for a turn of its own to send any.
  static constexpr size_t kTurnSendBytesMax = size_t{64} << 10;
  // While all clients together hold too much (gateway::Memory): what one receive takes; what one
  // client may hold and still be read; what may wait for it after a send.
  static constexpr size_t kPressedReceiveBytes = size_t{4} << 10;
  static constexpr size_t kPressedHeldBytes = size_t{40} << 10;
  static constexpr size_t kPressedOutputBytes = size_t{16} << 10;
  // And how long a client may then hold more, taking and sending nothing.
  static constexpr auto kPressedStallMax = std::chrono::seconds(1);
  // What may wait for a monitor: it is shown more than it asks for.
  static constexpr size_t kMonitorOutputBytesMax = size_t{8} << 20;
  // What may wait for a client of messages that it is told beside its replies: who falls so far
  // behind is better off with an empty cache.
  static constexpr size_t kToldBytesMax = size_t{8} << 20;
  // While clients hold no more than this together, those with nothing to say keep their buffers.
  static constexpr size_t kBuffersKeptBytes = size_t{16} << 20;

  Connection(ServerLoop& loop, net::Stream stream, gateway::Session session);
  ~Connection() override;

  void OnReady(bool readable, bool writable) override;

  gateway::Pipeline& pipeline() { return pipeline_; }
  uint64_t id() const { return session_.id; }
  bool is_tls() const { return stream_.is_tls(); }

  // Goes on after results arrived: reads on if it had stopped, sends what can be sent.
  void Continue();
  // As Continue, in a turn that it has asked the loop for.
  void TakeTurn();
  // The tick that it has asked for: it has another turn.
  void TurnAtTick();
  // Answers what has been received, then closes.
  void Drain();
  // What is known of it now. Cost: a system call.
  gateway::ClientFacts Facts() const;
  // Appends lines for a monitor; closes when it takes too little. Continue sends them.
  void Show(const Bytes& lines);
  // Appends a message beside the replies, and asks the loop for SendTold; closes when the client
  // takes too few.
  void Tell(const Bytes& message);
  void SendTold() {
    told_ = false;
    Continue();
  }
  // Whatever it waits for.
  void Kill();
  struct Buffers {
    size_t input = 0;
    size_t output = 0;
  };
  Buffers buffers() const;
  // Closes what has been silent, slow or stuck for too long; gives memory of the idle back.
  void CheckDeadlines(MonoTime now);
  bool closed() const { return closed_; }
  // Something has been received that no readiness will tell of.
  bool has_pending() const { return stream_.has_pending(); }

 private:
  void Receive();
  void Process();
  void FitLimits();
  size_t ParseBurst(size_t* words);
  bool Unwrap(size_t index);
  void ExecuteBurst(size_t count);
  void ReleaseBurst(size_t count);
  void ReceiveRest();
  bool InputIsOver() const;
  bool MayRead();
  bool WaitsForMemory();
  void ReturnUploadPass();
  bool HoldsTooMuch() const;
  void ReleaseIdle();
  bool IsStuck(MonoTime now) const;
  bool HoldsUpUploads(MonoTime now) const;
  bool CanExecute() const;
  void LimitOutput();
  void Account();
  size_t HeldBytes() const;
  size_t ArrivingBytes() const;
  gateway::Memory& memory() const;
  void EndInput(std::string error);
  void Send();
  std::span<const net::Piece> TurnOf(std::span<net::Piece> pieces) const;
  void GoOnLater();
  void UpdateInterest();
  void Close();
  void CloseSlow();  // And counts it.

  ServerLoop& loop_;
  net::Stream stream_;
  gateway::Session session_;
  resp::InputBuffer input_;
  resp::Parser parser_;
  resp::OutputBuffer output_;
  gateway::Pipeline pipeline_;
  Charge held_;                // In Memory::clients: buffers and what waits.
  Charge arriving_;            // In Memory::arriving.
  std::string last_words_;     // The error that ends the connection, once all is answered.
  uint32_t limits_version_;    // Of the loop's limits that the parser has.
  bool authenticated_ = true;  // So the parser's limits take it to be.
  bool input_ended_ = false;   // Nothing more is parsed.
  bool draining_ = false;      // The server stops: what has arrived is answered, no more.
  bool received_all_ = false;  // The peer sends no more, or nothing more had come at the drain.
  bool input_waits_ = false;   // Received bytes wait for the pipeline to have room.
  bool has_upload_pass_ = false;
  bool resumed_by_loop_ = false;  // The loop will call Continue when a pause has ended.
  bool goes_on_later_ = false;    // It has asked the loop for another turn.
  bool own_turn_ = false;         // And has it now.
  bool may_send_ = true;          // The socket has taken all it was given, or is writable again.
  bool memory_waits_ = false;  // It is not read until there is memory: the next tick looks again.
  bool tick_asked_ = false;    // The loop will call TurnAtTick.
  bool watching_read_ = true;
  bool watching_write_ = false;
  bool closed_ = false;
  size_t told_bytes_ = 0;  // In output_, at most.
  bool told_ = false;      // The loop will call SendTold.
  MonoTime last_receive_;
  MonoTime last_authenticated_;  // When it last was, or when it came.
  MonoTime command_began_;       // When the unfinished command's first bytes came.
  MonoTime memory_wait_began_;
  MonoTime upload_pass_began_;
  size_t upload_pass_bytes_ = 0;  // What had arrived then.
  MonoTime last_send_;            // When the client last took something, or had nothing to take.
};

}  // namespace weir::server
