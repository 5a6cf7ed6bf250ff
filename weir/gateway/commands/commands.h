// The functions behind the rows of the command table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "weir/gateway/command.h"

namespace weir::gateway::commands {

// What a loop computes itself: beyond, about 100 us of work goes to a worker thread.
inline constexpr size_t kHeavyValueBytes = size_t{256} << 10;
inline constexpr size_t kHeavyArguments = 4096;

// connection.cc
void Ping(const LocalCall& call, resp::Writer& writer);
void Echo(const LocalCall& call, resp::Writer& writer);
void Reset(const LocalCall& call, resp::Writer& writer);
void Quit(const LocalCall& call, resp::Writer& writer);
void Hello(const LocalCall& call, resp::Writer& writer);
std::optional<Credentials> HelloCredentials(Args args);
void Auth(const LocalCall& call, resp::Writer& writer);
std::optional<Credentials> AuthCredentials(Args args);
void Select(const LocalCall& call, resp::Writer& writer);
void ClientGetname(const LocalCall& call, resp::Writer& writer);
void ClientId(const LocalCall& call, resp::Writer& writer);
void ClientSetinfo(const LocalCall& call, resp::Writer& writer);
void ClientSetname(const LocalCall& call, resp::Writer& writer);

// client.cc
std::optional<Reply> ClientInfo(const OperationCall& call);
std::optional<Reply> ClientKill(const OperationCall& call);
std::optional<Reply> ClientList(const OperationCall& call);
void ClientCaching(const LocalCall& call, resp::Writer& writer);
void ClientGetredir(const LocalCall& call, resp::Writer& writer);
void ClientNoEvict(const LocalCall& call, resp::Writer& writer);
void ClientNoTouch(const LocalCall& call, resp::Writer& writer);
void ClientPause(const LocalCall& call, resp::Writer& writer);
void ClientReply(const LocalCall& call, resp::Writer& writer);
void ClientTracking(const LocalCall& call, resp::Writer& writer);
void ClientTrackinginfo(const LocalCall& call, resp::Writer& writer);
void ClientUnblock(const LocalCall& call, resp::Writer& writer);
void ClientUnpause(const LocalCall& call, resp::Writer& writer);

// acl.cc
void AclCat(const LocalCall& call, resp::Writer& writer);
void AclConfigured(const LocalCall& call, resp::Writer& writer);
void AclDryrun(const LocalCall& call, resp::Writer& writer);
void AclGenpass(const LocalCall& call, resp::Writer& writer);
void AclGetuser(const LocalCall& call, resp::Writer& writer);
void AclList(const LocalCall& call, resp::Writer& writer);
void AclUsers(const LocalCall& call, resp::Writer& writer);
void AclWhoami(const LocalCall& call, resp::Writer& writer);

// command.cc
struct CategoryName {
  uint32_t bit;
  std::string_view name;  // "@keyspace"
};
std::span<const CategoryName> CategoryNames();
void Command(const LocalCall& call, resp::Writer& writer);
void CommandCount(const LocalCall& call, resp::Writer& writer);
void CommandDocs(const LocalCall& call, resp::Writer& writer);
void CommandGetkeys(const LocalCall& call, resp::Writer& writer);
void CommandGetkeysandflags(const LocalCall& call, resp::Writer& writer);
void CommandInfo(const LocalCall& call, resp::Writer& writer);
void CommandList(const LocalCall& call, resp::Writer& writer);
// HELP of any command that has subcommands: what the table says of them.
void Help(const LocalCall& call, resp::Writer& writer);

// cluster.cc
void ClusterConfigured(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> ClusterCountkeysinslot(const OperationCall& call);
void ClusterFailureReports(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> ClusterGetkeysinslot(const OperationCall& call);
void ClusterInfo(const LocalCall& call, resp::Writer& writer);
void ClusterKeyslot(const LocalCall& call, resp::Writer& writer);
void ClusterLinks(const LocalCall& call, resp::Writer& writer);
void ClusterMyid(const LocalCall& call, resp::Writer& writer);
void ClusterMyshardid(const LocalCall& call, resp::Writer& writer);
void ClusterNodes(const LocalCall& call, resp::Writer& writer);
// What several nodes allow and need nothing done for.
void ClusterOk(const LocalCall& call, resp::Writer& writer);
void ClusterReplicas(const LocalCall& call, resp::Writer& writer);
void ClusterShards(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> ClusterSlotStats(const OperationCall& call);
void ClusterSlots(const LocalCall& call, resp::Writer& writer);

// config.cc
void ConfigGet(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> ConfigSet(const OperationCall& call);
void ConfigRewrite(const LocalCall& call, resp::Writer& writer);
void ConfigResetstat(const LocalCall& call, resp::Writer& writer);

// info.cc
void Info(const LocalCall& call, resp::Writer& writer);

// keyspace.cc
std::optional<Reply> Dbsize(const OperationCall& call);
std::optional<Reply> Flushall(const OperationCall& call);
std::optional<Reply> Keys(const OperationCall& call);
std::optional<Reply> Randomkey(const OperationCall& call);
std::optional<Reply> Scan(const OperationCall& call);
void DbsizeInTransaction(WriteBatch& batch, WriteItem& item);
void FlushallInTransaction(WriteBatch& batch, WriteItem& item);

// backup.cc
std::optional<Reply> WeirBackupStart(const OperationCall& call);
void WeirBackupStatus(const LocalCall& call, resp::Writer& writer);
void WeirBackupCancel(const LocalCall& call, resp::Writer& writer);

// cache.cc
void WeirGetx(const ReadCall& call, resp::Writer& writer);
void WeirInvalidateKey(const LocalCall& call, resp::Writer& writer);
void WeirInvalidatePrefix(const LocalCall& call, resp::Writer& writer);
void WeirInvalidateTag(const LocalCall& call, resp::Writer& writer);

// ring.cc
void WeirMissRatios(const LocalCall& call, resp::Writer& writer);
void WeirPeerHello(const LocalCall& call, resp::Writer& writer);
void WeirPeerProve(const LocalCall& call, resp::Writer& writer);
void WeirRingDigest(const LocalCall& call, resp::Writer& writer);
void WeirRingNodes(const LocalCall& call, resp::Writer& writer);
void WeirRingTable(const LocalCall& call, resp::Writer& writer);

// shard.cc
std::optional<Reply> WeirShardAdd(const OperationCall& call);
std::optional<Reply> WeirShardCancel(const OperationCall& call);
std::optional<Reply> WeirShardFinish(const OperationCall& call);
std::optional<Reply> WeirShardList(const OperationCall& call);
std::optional<Reply> WeirShardMerge(const OperationCall& call);
std::optional<Reply> WeirShardMove(const OperationCall& call);
std::optional<Reply> WeirShardPause(const OperationCall& call);
std::optional<Reply> WeirShardResume(const OperationCall& call);
std::optional<Reply> WeirShardRollback(const OperationCall& call);
std::optional<Reply> WeirShardStatus(const OperationCall& call);
std::optional<Reply> WeirShardSplit(const OperationCall& call);

// key.cc
void Exists(const ReadCall& call, resp::Writer& writer);
void Expiretime(const ReadCall& call, resp::Writer& writer);
void Pexpiretime(const ReadCall& call, resp::Writer& writer);
void Pttl(const ReadCall& call, resp::Writer& writer);
void Ttl(const ReadCall& call, resp::Writer& writer);
void Type(const ReadCall& call, resp::Writer& writer);
void Copy(WriteBatch& batch, WriteItem& item);
void Del(WriteBatch& batch, WriteItem& item);
void Expire(WriteBatch& batch, WriteItem& item);
void Expireat(WriteBatch& batch, WriteItem& item);
void Persist(WriteBatch& batch, WriteItem& item);
void Pexpire(WriteBatch& batch, WriteItem& item);
void Pexpireat(WriteBatch& batch, WriteItem& item);
void Rename(WriteBatch& batch, WriteItem& item);
void Renamenx(WriteBatch& batch, WriteItem& item);
void Restore(WriteBatch& batch, WriteItem& item);

// object.cc
void MemoryUsage(const ReadCall& call, resp::Writer& writer);
void ObjectEncoding(const ReadCall& call, resp::Writer& writer);
void ObjectFreq(const ReadCall& call, resp::Writer& writer);
void ObjectIdletime(const ReadCall& call, resp::Writer& writer);
void ObjectRefcount(const ReadCall& call, resp::Writer& writer);

// latency.cc
void LatencyDoctor(const LocalCall& call, resp::Writer& writer);
void LatencyGraph(const LocalCall& call, resp::Writer& writer);
void LatencyHistogram(const LocalCall& call, resp::Writer& writer);
void LatencyHistory(const LocalCall& call, resp::Writer& writer);
void LatencyLatest(const LocalCall& call, resp::Writer& writer);
void LatencyReset(const LocalCall& call, resp::Writer& writer);

// memory.cc
void MemoryDoctor(const LocalCall& call, resp::Writer& writer);
void MemoryMallocStats(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> MemoryPurge(const OperationCall& call);
void MemoryStats(const LocalCall& call, resp::Writer& writer);

// slowlog.cc
std::optional<Reply> SlowlogGet(const OperationCall& call);
void SlowlogLen(const LocalCall& call, resp::Writer& writer);
void SlowlogReset(const LocalCall& call, resp::Writer& writer);

// server.cc
void Debug(const LocalCall& call, resp::Writer& writer);
void Dump(const ReadCall& call, resp::Writer& writer);
void FunctionFlush(const LocalCall& call, resp::Writer& writer);
void FunctionList(const LocalCall& call, resp::Writer& writer);
void Lolwut(const LocalCall& call, resp::Writer& writer);
void Monitor(const LocalCall& call, resp::Writer& writer);
void ModuleList(const LocalCall& call, resp::Writer& writer);
void Role(const LocalCall& call, resp::Writer& writer);
void Shutdown(const LocalCall& call, resp::Writer& writer);
void Time(const LocalCall& call, resp::Writer& writer);
void Wait(const LocalCall& call, resp::Writer& writer);

// string.cc
void Get(const ReadCall& call, resp::Writer& writer);
void Getrange(const ReadCall& call, resp::Writer& writer);
void Mget(const ReadCall& call, resp::Writer& writer);
void Strlen(const ReadCall& call, resp::Writer& writer);
void Append(WriteBatch& batch, WriteItem& item);
void Mset(WriteBatch& batch, WriteItem& item);
void Msetnx(WriteBatch& batch, WriteItem& item);
void Setrange(WriteBatch& batch, WriteItem& item);

// string_set.cc
void Getdel(WriteBatch& batch, WriteItem& item);
void Getex(WriteBatch& batch, WriteItem& item);
void Getset(WriteBatch& batch, WriteItem& item);
void Psetex(WriteBatch& batch, WriteItem& item);
void Set(WriteBatch& batch, WriteItem& item);
void Setex(WriteBatch& batch, WriteItem& item);
void Setnx(WriteBatch& batch, WriteItem& item);
bool PsetexIsBlind(Args args);
bool SetIsBlind(Args args);
bool SetexIsBlind(Args args);
uint16_t SetUse(Args args);

// increx.cc
void Increx(WriteBatch& batch, WriteItem& item);

// number.cc
void Decr(WriteBatch& batch, WriteItem& item);
void Incr(WriteBatch& batch, WriteItem& item);
void Incrby(WriteBatch& batch, WriteItem& item);
void Incrbyfloat(WriteBatch& batch, WriteItem& item);

// bitmap.cc
void Bitcount(const ReadCall& call, resp::Writer& writer);
void Bitpos(const ReadCall& call, resp::Writer& writer);
void Getbit(const ReadCall& call, resp::Writer& writer);
void Bitop(WriteBatch& batch, WriteItem& item);
void Setbit(WriteBatch& batch, WriteItem& item);

// bitfield.cc
void BitfieldRo(const ReadCall& call, resp::Writer& writer);
void Bitfield(WriteBatch& batch, WriteItem& item);
uint16_t BitfieldUse(Args args);

// lcs.cc
void Lcs(const ReadCall& call, resp::Writer& writer);
bool LcsIsHeavy(const ReadCall& call);

// transaction.cc: what is left to say when the pipeline has done what they ask.
void Multi(const LocalCall& call, resp::Writer& writer);
void Discard(const LocalCall& call, resp::Writer& writer);
void Unwatch(const LocalCall& call, resp::Writer& writer);
void Watch(const ReadCall& call, resp::Writer& writer);

inline bool Always(Args) {
  return true;
}

// Reads that look at every byte of a value, or at as many words as a client cares to send.
inline bool ValueIsHeavy(const ReadCall& call) {
  return call.found[0].bytes.size() > kHeavyValueBytes;
}
inline bool ArgumentsAreHeavy(const ReadCall& call) {
  return call.args.size() > kHeavyArguments;
}

// limit.cc
void LimitCheck(const LocalCall& call, resp::Writer& writer);
void LimitExplain(const LocalCall& call, resp::Writer& writer);
void LimitOffenders(const LocalCall& call, resp::Writer& writer);
void LimitPeek(const LocalCall& call, resp::Writer& writer);
void LimitRefund(const LocalCall& call, resp::Writer& writer);

// limit_holds.cc
void LimitAcquire(const LocalCall& call, resp::Writer& writer);
void LimitCancel(const LocalCall& call, resp::Writer& writer);
void LimitCommit(const LocalCall& call, resp::Writer& writer);
void LimitRelease(const LocalCall& call, resp::Writer& writer);
void LimitReserve(const LocalCall& call, resp::Writer& writer);

// limit_policy.cc
void LimitPolicyGet(const LocalCall& call, resp::Writer& writer);
void LimitPolicyList(const LocalCall& call, resp::Writer& writer);
std::optional<Reply> LimitPolicyDel(const OperationCall& call);
std::optional<Reply> LimitPolicySet(const OperationCall& call);
std::optional<Reply> LimitWhatIf(const OperationCall& call);

// throttle.cc
void ClThrottle(const LocalCall& call, resp::Writer& writer);
void Gcra(const LocalCall& call, resp::Writer& writer);

}  // namespace weir::gateway::commands
