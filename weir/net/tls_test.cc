// Goal: TLS streams carry what plain ones do, whatever the peer does to records, handshakes and
// endings; certificates change without a restart, and bad ones are refused.
// Method: real sockets on loopback against OpenSSL as the client; what the kernel cannot be made to
// do at will is done by writing bytes to the client's socket past its TLS.
#include <array>
#include <atomic>
#include <ctime>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "weir/net/stream.h"
#include "weir/net/tls_channel.h"
#include "weir/net/tls_context.h"
#include "weir/net/tls_test_peer.h"

namespace weir::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using State = Transfer::State;

class TlsTest : public testing::Test {
 protected:
  void Serve(TlsClientAuth client_auth = TlsClientAuth::kNone) {
    context_ = TlsContext::Create(folder_.files(client_auth)).value();
  }

  Stream Accept() {
    Socket::Accepted accepted;
    while (listener_.Accept(&accepted) != Socket::AcceptState::kAccepted) {
    }
    return context_->Accept(std::move(accepted.socket));
  }

  // Shakes hands with a client that does so on another thread.
  Stream Connect(TlsTestClient& client, Stream::Step expected = Stream::Step::kDone) {
    Stream stream = Accept();
    std::thread thread([&] { client.ShakeHands(); });
    Stream::Step step = Stream::Step::kWantRead;
    while (step == Stream::Step::kWantRead || step == Stream::Step::kWantWrite) {
      step = stream.Handshake();
    }
    if (step != Stream::Step::kDone) client_gone_ = std::move(stream);
    thread.join();
    EXPECT_EQ(step, expected);
    return stream;
  }

  // Waits for the next bytes, or the end.
  static Transfer Receive(Stream& stream, std::span<char> into) {
    Transfer got;
    do {
      got = stream.Receive(into);
    } while (got.state == State::kWouldBlock || (got.state == State::kDone && got.bytes == 0));
    return got;
  }
  static std::string ReceiveExactly(Stream& stream, size_t size) {
    std::string text(size, '\0');
    size_t filled = 0;
    while (filled < size) {
      const Transfer got = Receive(stream, std::span(text).subspan(filled));
      if (got.state != State::kDone) break;
      filled += got.bytes;
    }
    text.resize(filled);
    return text;
  }
  static Transfer Send(Stream& stream, std::string_view text) {
    const std::array<Piece, 1> pieces = {Piece{text.data(), text.size()}};
    return stream.Send(pieces);
  }

  TestTlsFolder folder_;
  std::unique_ptr<TlsContext> context_;
  Stream client_gone_;
  Socket listener_ = Socket::Listen(ParseAddress("127.0.0.1:0").value()).value();
  Address address_ = listener_.LocalAddress();
};

TEST_F(TlsTest, BytesGoBothWaysInBothVersions) {
  Serve();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsTestClient client(address_, {.version_max = version});
    Stream stream = Connect(client);
    EXPECT_EQ(SSL_version(client.ssl()), version);
    EXPECT_TRUE(client.Send("hello"));
    EXPECT_EQ(ReceiveExactly(stream, 5), "hello");
    EXPECT_EQ(Send(stream, "and back").bytes, 8U);
    EXPECT_EQ(client.ReceiveExactly(8), "and back");
    EXPECT_FALSE(stream.has_pending());
    EXPECT_FALSE(stream.mid_record());
    EXPECT_FALSE(stream.wants_write());
  }
}

TEST_F(TlsTest, OlderVersionsAreRefused) {
  Serve();
  TlsTestClient client(address_, {.version_max = TLS1_1_VERSION});
  SSL_set_security_level(client.ssl(), 0);
  Connect(client, Stream::Step::kFailed);
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  Serve();
  TlsTestClient client(address_, {.version_max = TLS1_2_VERSION});
  Stream stream = Connect(client);
  EXPECT_EQ(SSL_renegotiate(client.ssl()), 1);
  std::thread thread([&] { EXPECT_FALSE(client.ShakeHands()); });
  std::array<char, 16> buffer{};
  for (int i = 0; i < 1000 && stream.Receive(buffer).state != State::kClosed; ++i) {
  }
  { const Stream closed = std::move(stream); }
  thread.join();
}

TEST_F(TlsTest, WhatIsLeftInsideIsPendingWithoutReadiness) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  std::string sent;
  for (int record = 0; record < 3; ++record) {
    const std::string text(100, static_cast<char>('a' + record));
    EXPECT_TRUE(client.Send(text));
    sent += text;
  }
  EXPECT_TRUE(client.Send("end"));
  // All has arrived when the last byte has: the first receive takes all ciphertext.
  std::array<char, 4096> peeked{};
  while (recv(stream.fd(), peeked.data(), peeked.size(), MSG_PEEK) < 3 * 122 + 25) {
  }
  std::string got;
  std::array<char, 7> small{};
  do {
    const Transfer transfer = stream.Receive(small);
    ASSERT_EQ(transfer.state, State::kDone);
    got.append(small.data(), transfer.bytes);
  } while (stream.has_pending());
  EXPECT_EQ(got, sent + "end");
}

TEST_F(TlsTest, AHandshakeMayBringTheFirstBytes) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Accept();
  std::thread thread([&] {
    EXPECT_TRUE(client.ShakeHands());
    EXPECT_TRUE(client.Send("early"));
  });
  std::array<char, 1> peeked{};
  while (recv(stream.fd(), peeked.data(), peeked.size(), MSG_PEEK) < 1) {
  }
  EXPECT_EQ(stream.Handshake(), Stream::Step::kWantRead);
  thread.join();  // The client has sent all that it has to.
  EXPECT_EQ(stream.Handshake(), Stream::Step::kDone);
  EXPECT_TRUE(stream.has_pending());
  EXPECT_EQ(ReceiveExactly(stream, 5), "early");
}

TEST_F(TlsTest, BigBytesGoInSlicesAndASlowReaderIsWaitedFor) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  std::string text(size_t{8} << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 131 >> 7);
  size_t sent = 0;
  bool blocked = false;
  std::string got;
  while (sent < text.size()) {
    // From another place each time, as an output buffer's blocks move.
    const std::string moved = text.substr(sent, size_t{1} << 20);
    const Transfer transfer = Send(stream, moved);
    ASSERT_NE(transfer.state, State::kClosed);
    EXPECT_LE(transfer.bytes, TlsChannel::kSendBytesMax);
    sent += transfer.bytes;
    if (transfer.state == State::kWouldBlock) {
      blocked = true;
      got += client.Receive();
    }
  }
  EXPECT_TRUE(blocked);
  got += client.ReceiveExactly(text.size() - got.size());
  EXPECT_TRUE(got == text);
}

TEST_F(TlsTest, PiecesArriveInOrder) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  const std::string big(40'000, 'b');
  const std::array<Piece, 4> pieces = {Piece{"a", 1}, Piece{nullptr, 0},
                                       Piece{big.data(), big.size()}, Piece{"c", 1}};
  EXPECT_EQ(stream.Send(pieces).bytes, big.size() + 2);
  EXPECT_EQ(client.ReceiveExactly(big.size() + 2), "a" + big + "c");
}

TEST_F(TlsTest, APeerThatEndsItsSendingMayStillRead) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  EXPECT_TRUE(client.Send("last"));
  SSL_shutdown(client.ssl());  // close_notify; the socket stays open.
  std::array<char, 64> buffer{};
  EXPECT_EQ(Receive(stream, buffer).bytes, 4U);
  EXPECT_EQ(Receive(stream, buffer).state, State::kEnded);
  EXPECT_FALSE(stream.has_pending());
  EXPECT_EQ(Send(stream, "reply").bytes, 5U);
  EXPECT_EQ(client.ReceiveExactly(5), "reply");
}

TEST_F(TlsTest, APeerThatClosesWithoutLeaveHasEnded) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  Send(stream, "x");  // Or what is unread there, a ticket, would reset the connection.
  EXPECT_EQ(client.ReceiveExactly(1), "x");
  EXPECT_TRUE(client.Send("last"));
  client.socket() = Socket();
  std::array<char, 64> buffer{};
  EXPECT_EQ(Receive(stream, buffer).bytes, 4U);
  EXPECT_EQ(Receive(stream, buffer).state, State::kEnded);
}

TEST_F(TlsTest, AStreamThatEndsTakesLeave) {
  Serve();
  TlsTestClient client(address_);
  { const Stream stream = Connect(client); }
  EXPECT_EQ(client.Receive(), "");
  EXPECT_EQ(SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

TEST_F(TlsTest, GarbageAfterTheHandshakeClosesTheStream) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  const std::string_view garbage = "*1\r\n$4\r\nPING\r\n";
  const std::array<Piece, 1> pieces = {Piece{garbage.data(), garbage.size()}};
  client.socket().Send(pieces);
  std::array<char, 64> buffer{};
  EXPECT_EQ(Receive(stream, buffer).state, State::kClosed);
  EXPECT_EQ(Send(stream, "x").state, State::kClosed);
}

TEST_F(TlsTest, AFewKeyUpdatesAreTakenAndAFloodIsCutOff) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  std::array<char, 64> buffer{};
  for (int i = 0; i < TlsChannel::kControlRecordsMax; ++i) {
    EXPECT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(client.ssl()), 1);
  }
  EXPECT_TRUE(client.Send("data"));
  EXPECT_EQ(ReceiveExactly(stream, 4), "data");
  EXPECT_EQ(Send(stream, "under new keys").bytes, 14U);
  EXPECT_EQ(client.ReceiveExactly(14), "under new keys");

  const int flood = TlsChannel::kControlRecordsMax + 1;
  for (int i = 0; i < flood; ++i) {
    EXPECT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(client.ssl()), 1);
  }
  EXPECT_TRUE(client.Send("data"));
  std::array<char, 4096> peeked{};
  while (recv(stream.fd(), peeked.data(), peeked.size(), MSG_PEEK) < flood * 27) {
  }
  EXPECT_EQ(Receive(stream, buffer).state, State::kClosed);
}

TEST_F(TlsTest, HalfARecordIsSeenAndKeepsItsBuffer) {
  Serve();
  for (const size_t first : {size_t{3}, size_t{5}, size_t{30}}) {
    TlsTestClient client(address_);
    Stream stream = Connect(client);
    // The record of a client that thinks it has sent all, taken off its hands.
    BIO* const record = BIO_new(BIO_s_mem());
    SSL_set0_wbio(client.ssl(), record);
    EXPECT_TRUE(client.Send("some text"));
    char* data = nullptr;
    const size_t size = static_cast<size_t>(BIO_get_mem_data(record, &data));
    const std::array<Piece, 1> head = {Piece{data, first}};
    const std::array<Piece, 1> tail = {Piece{data + first, size - first}};
    client.socket().Send(head);
    std::array<char, 64> buffer{};
    while (stream.Receive(buffer).state == State::kWouldBlock) {
    }
    EXPECT_TRUE(stream.mid_record()) << first;
    stream.ReleaseIdle();
    client.socket().Send(tail);
    EXPECT_EQ(ReceiveExactly(stream, 9), "some text") << first;
    EXPECT_FALSE(stream.mid_record());
  }
}

TEST_F(TlsTest, BuffersComeBackAfterIdleness) {
  Serve();
  TlsTestClient client(address_);
  Stream stream = Connect(client);
  for (int i = 0; i < 3; ++i) {
    stream.ReleaseIdle();
    EXPECT_TRUE(client.Send("ping"));
    EXPECT_EQ(ReceiveExactly(stream, 4), "ping");
    EXPECT_EQ(Send(stream, "pong").bytes, 4U);
    EXPECT_EQ(client.ReceiveExactly(4), "pong");
  }
}

TEST_F(TlsTest, PlaintextIsRecognised) {
  Serve();
  const Socket client = Socket::Connect(address_).value();
  Stream stream = Accept();
  EXPECT_EQ(stream.Handshake(), Stream::Step::kWantRead);
  const std::array<Piece, 1> pieces = {Piece{"PING\r\n", 6}};
  Socket(dup(client.fd())).Send(pieces);
  Stream::Step step = Stream::Step::kWantRead;
  while (step == Stream::Step::kWantRead) step = stream.Handshake();
  EXPECT_EQ(step, Stream::Step::kNotTls);
  stream.Refuse("no");
  std::array<char, 8> buffer{};
  EXPECT_EQ(Socket(dup(client.fd())).Receive(buffer).bytes, 2U);
}

TEST_F(TlsTest, SessionsAreResumedInBothVersions) {
  for (const TlsClientAuth client_auth : {TlsClientAuth::kNone, TlsClientAuth::kRequired}) {
    Serve(client_auth);
    const TestCertificate shown(
        {.name = "app", .alternative_names = "DNS:app.example", .issuer = &folder_.authority()});
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsTestClient first(address_, {.certificate = &shown, .version_max = version});
      Stream stream = Connect(first);
      Send(stream, "x");  // TLS 1.3 sends its ticket after the handshake.
      EXPECT_EQ(first.ReceiveExactly(1), "x");
      SSL_SESSION* const session = SSL_get1_session(first.ssl());
      TlsTestClient second(address_,
                           {.certificate = &shown, .version_max = version, .resume = session});
      const Stream resumed = Connect(second);
      EXPECT_EQ(SSL_session_reused(second.ssl()), 1) << version;
      const bool known = client_auth == TlsClientAuth::kRequired;
      EXPECT_EQ(resumed.identity().subject, known ? "CN=app" : "");
      SSL_SESSION_free(session);
    }
  }
}

TEST_F(TlsTest, AVerifiedClientIsKnownByName) {
  Serve(TlsClientAuth::kOptional);
  const TestCertificate shown({.name = "app",
                               .alternative_names = "DNS:app.example,URI:spiffe://a/b,"
                                                    "email:a@b.c,IP:10.0.0.1",
                               .issuer = &folder_.authority()});
  TlsTestClient client(address_, {.certificate = &shown});
  const TlsIdentity identity = Connect(client).identity();
  EXPECT_EQ(identity.subject, "CN=app");
  EXPECT_THAT(identity.names, ElementsAre("DNS:app.example", "URI:spiffe://a/b", "email:a@b.c"));

  TlsTestClient nameless(address_);
  EXPECT_EQ(Connect(nameless).identity().subject, "");
}

TEST_F(TlsTest, ClientsThatMustBeKnownAndAreNotGetNoFurther) {
  const TestCertificate stranger_authority({.name = "elsewhere"});
  const TestCertificate stranger({.name = "app", .issuer = &stranger_authority});
  const TestCertificate expired({.name = "app", .issuer = &folder_.authority(), .days = -1});
  Serve(TlsClientAuth::kRequired);
  TlsTestClient nameless(address_);
  Connect(nameless, Stream::Step::kFailed);
  for (const TestCertificate* shown : {&stranger, &expired}) {
    for (const TlsClientAuth client_auth : {TlsClientAuth::kOptional, TlsClientAuth::kRequired}) {
      Serve(client_auth);
      TlsTestClient client(address_, {.certificate = shown});
      Connect(client, Stream::Step::kFailed);
    }
  }
}

TEST_F(TlsTest, NewFilesAreShownToNewClientsAndOldOnesGoOn) {
  Serve();
  TlsTestClient before(address_);
  Stream old_stream = Connect(before);
  EXPECT_EQ(before.server_name(), "first");
  std::string refusal;
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kUnchanged);
  folder_.Issue("second");
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kDone);
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kUnchanged);
  TlsTestClient after(address_);
  const Stream new_stream = Connect(after);
  EXPECT_EQ(after.server_name(), "second");
  EXPECT_TRUE(before.Send("still here"));
  EXPECT_EQ(ReceiveExactly(old_stream, 10), "still here");
}

TEST_F(TlsTest, BadFilesAreRefusedOnceAndTheOldOnesStay) {
  Serve();
  std::ofstream(folder_.path() + "/certificate.pem") << "not a certificate";
  std::string refusal;
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kRefused);
  EXPECT_THAT(refusal, HasSubstr("certificate.pem' holds no certificate"));
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kUnchanged);
  EXPECT_FALSE(context_->Reload().ok());
  TlsTestClient client(address_);
  Connect(client);
  EXPECT_EQ(client.server_name(), "first");
  folder_.Issue("second");
  EXPECT_EQ(context_->ReloadIfChanged(&refusal), TlsContext::Reloaded::kDone);
}

TEST_F(TlsTest, ReloadMayComeFromAnyThread) {
  Serve();
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    while (!stop) EXPECT_TRUE(context_->Reload().ok());
  });
  for (int i = 0; i < 20; ++i) {
    TlsTestClient client(address_);
    Stream stream = Connect(client);
    EXPECT_TRUE(client.Send("ping"));
    EXPECT_EQ(ReceiveExactly(stream, 4), "ping");
  }
  stop = true;
  thread.join();
}

std::vector<std::string> Texts(const std::vector<TlsFinding>& findings) {
  std::vector<std::string> texts;
  for (const TlsFinding& finding : findings) {
    texts.push_back((finding.fatal ? "error: " : "warning: ") + finding.what);
  }
  return texts;
}

TEST_F(TlsTest, FilesAreCheckedOneByOneWithTheRemedy) {
  const TlsFiles good = folder_.files(TlsClientAuth::kOptional);
  EXPECT_THAT(Texts(CheckTlsFiles(good)), IsEmpty());
  TlsFiles files = good;
  files.certificate = folder_.path() + "/absent.pem";
  files.key = folder_.path();
  files.client_ca = folder_.path() + "/key.pem";
  EXPECT_THAT(Texts(CheckTlsFiles(files)),
              ElementsAre(HasSubstr("absent.pem' cannot be read: No such file or directory; give"),
                          HasSubstr("cannot be read: Is a directory"),
                          HasSubstr("key.pem' holds no certificate that can be used")));
  EXPECT_FALSE(TlsContext::Create(files).ok());

  const TestCertificate other({.name = "other"});
  other.WriteKey(folder_.path() + "/other.pem");
  files = good;
  files.key = folder_.path() + "/other.pem";
  EXPECT_THAT(Texts(CheckTlsFiles(files)),
              ElementsAre(HasSubstr("other.pem' is not the key of the certificate in")));
  other.WriteKey(files.key, "secret");
  EXPECT_THAT(Texts(CheckTlsFiles(files)), ElementsAre(HasSubstr("without a passphrase")));
}

TEST_F(TlsTest, AnExpiredCertificateAndAnOpenKeyAreWarnings) {
  const TestCertificate expired({.name = "late", .issuer = &folder_.authority(), .days = -1});
  TlsFiles files = folder_.files();
  expired.WriteCertificate(files.certificate);
  expired.WriteKey(files.key);
  std::filesystem::permissions(files.key, std::filesystem::perms(0644));
  EXPECT_THAT(Texts(CheckTlsFiles(files)),
              ElementsAre(testing::ContainsRegex("^warning: .*has expired \\(20..-..-.. .*renew"),
                          HasSubstr("warning: every user of this machine can read '")));
  const auto context = TlsContext::Create(files);
  ASSERT_TRUE(context.ok());
  EXPECT_LT(context.value()->certificate_ends(), time(nullptr));
}

}  // namespace
}  // namespace weir::net
