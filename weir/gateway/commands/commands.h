// The functions behind the rows of the command table.
#pragma once

#include <optional>

#include "weir/gateway/command.h"

namespace weir::gateway::commands {

// connection.cc
void Ping(const LocalCall& call, resp::Writer& writer);
void Echo(const LocalCall& call, resp::Writer& writer);
void Reset(const LocalCall& call, resp::Writer& writer);
void Quit(const LocalCall& call, resp::Writer& writer);
void Hello(const LocalCall& call, resp::Writer& writer);
void Select(const LocalCall& call, resp::Writer& writer);
void ClientGetname(const LocalCall& call, resp::Writer& writer);
void ClientId(const LocalCall& call, resp::Writer& writer);
void ClientSetinfo(const LocalCall& call, resp::Writer& writer);
void ClientSetname(const LocalCall& call, resp::Writer& writer);

// command.cc
void Command(const LocalCall& call, resp::Writer& writer);
void CommandCount(const LocalCall& call, resp::Writer& writer);
void CommandDocs(const LocalCall& call, resp::Writer& writer);
void CommandInfo(const LocalCall& call, resp::Writer& writer);
// HELP of any command that has subcommands: what the table says of them.
void Help(const LocalCall& call, resp::Writer& writer);

// config.cc
void ConfigGet(const LocalCall& call, resp::Writer& writer);
void ConfigResetstat(const LocalCall& call, resp::Writer& writer);

// info.cc
void Info(const LocalCall& call, resp::Writer& writer);

// keyspace.cc
std::optional<Reply> Dbsize(const OperationCall& call);
std::optional<Reply> Flushall(const OperationCall& call);
std::optional<Reply> Scan(const OperationCall& call);
void DbsizeInTransaction(WriteBatch& batch, WriteItem& item);
void FlushallInTransaction(WriteBatch& batch, WriteItem& item);

// string.cc
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

// key.cc
void Exists(const ReadCall& call, resp::Writer& writer);
void Type(const ReadCall& call, resp::Writer& writer);
void Ttl(const ReadCall& call, resp::Writer& writer);
void Pttl(const ReadCall& call, resp::Writer& writer);
void Del(WriteBatch& batch, WriteItem& item);
void Expire(WriteBatch& batch, WriteItem& item);
void Pexpire(WriteBatch& batch, WriteItem& item);
void Persist(WriteBatch& batch, WriteItem& item);

// transaction.cc: what is left to say when the pipeline has done what they ask.
void Multi(const LocalCall& call, resp::Writer& writer);
void Discard(const LocalCall& call, resp::Writer& writer);
void Unwatch(const LocalCall& call, resp::Writer& writer);
void Watch(const ReadCall& call, resp::Writer& writer);

inline bool Always(Args) {
  return true;
}

}  // namespace weir::gateway::commands
