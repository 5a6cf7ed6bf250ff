// The functions behind the rows of the command table.
#pragma once

#include "weir/gateway/command.h"

namespace weir::gateway::commands {

// commands_connection.cc
void Ping(const LocalCall& call, resp::Writer& writer);
void Echo(const LocalCall& call, resp::Writer& writer);
void Quit(const LocalCall& call, resp::Writer& writer);
void Hello(const LocalCall& call, resp::Writer& writer);
void Select(const LocalCall& call, resp::Writer& writer);
void Client(const LocalCall& call, resp::Writer& writer);

// commands_server.cc
void Command(const LocalCall& call, resp::Writer& writer);
void Config(const LocalCall& call, resp::Writer& writer);
void Info(const LocalCall& call, resp::Writer& writer);

// commands_string.cc
void Get(const ReadCall& call, resp::Writer& writer);
void Mget(const ReadCall& call, resp::Writer& writer);
void Strlen(const ReadCall& call, resp::Writer& writer);
void Set(WriteBatch& batch, WriteItem& item);
bool SetIsBlind(Args args);
void Mset(WriteBatch& batch, WriteItem& item);
void Append(WriteBatch& batch, WriteItem& item);
void Incr(WriteBatch& batch, WriteItem& item);
void Decr(WriteBatch& batch, WriteItem& item);
void Incrby(WriteBatch& batch, WriteItem& item);

// commands_key.cc
void Exists(const ReadCall& call, resp::Writer& writer);
void Type(const ReadCall& call, resp::Writer& writer);
void Ttl(const ReadCall& call, resp::Writer& writer);
void Pttl(const ReadCall& call, resp::Writer& writer);
void Del(WriteBatch& batch, WriteItem& item);
void Expire(WriteBatch& batch, WriteItem& item);
void Pexpire(WriteBatch& batch, WriteItem& item);
void Persist(WriteBatch& batch, WriteItem& item);

inline bool Always(Args) {
  return true;
}

}  // namespace weir::gateway::commands
