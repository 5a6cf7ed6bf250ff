// hiredis plays the scenarios; see scenario.py for what is read and written.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <hiredis/hiredis.h>

namespace {

using Command = std::vector<std::string>;

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string FromHex(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

Command Parse(std::string_view text) {
  Command command;
  for (const std::string& word : Split(text, ',')) command.push_back(FromHex(word));
  return command;
}

std::string Token(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_NIL:
      return "n";
    case REDIS_REPLY_INTEGER:
      return "i" + std::to_string(reply.integer);
    case REDIS_REPLY_ERROR:
      return "e" + Hex({reply.str, reply.len});
    case REDIS_REPLY_ARRAY:
      break;
    default:
      return "s" + Hex({reply.str, reply.len});
  }
  std::string text = "[" + std::to_string(reply.elements);
  for (size_t i = 0; i < reply.elements; ++i) text += " " + Token(*reply.element[i]);
  return text;
}

[[noreturn]] void Fail(const char* why) {
  std::fprintf(stderr, "hiredis: %s\n", why);
  std::exit(1);
}

void Append(redisContext* context, const Command& command) {
  std::vector<const char*> words;
  std::vector<size_t> sizes;
  for (const std::string& word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(), sizes.data());
}

// Returns the replies' tokens, or none when the connection is lost.
std::vector<std::string> Ask(redisContext* context, const std::vector<Command>& commands) {
  for (const Command& command : commands) Append(context, command);
  std::vector<std::string> tokens;
  for (size_t i = 0; i < commands.size(); ++i) {
    void* reply = nullptr;
    if (redisGetReply(context, &reply) != REDIS_OK) return {};
    tokens.push_back(Token(*static_cast<redisReply*>(reply)));
    freeReplyObject(reply);
  }
  return tokens;
}

void LogIn(redisContext* context, const std::string& user, const std::string& password) {
  if (password.empty()) return;
  const Command command =
      user.empty() ? Command{"AUTH", password} : Command{"AUTH", user, password};
  if (Ask(context, {command}) != std::vector<std::string>{"s" + Hex("OK")}) Fail("AUTH");
}

}  // namespace

// PORT PROTOCOL CA USER PASSWORD; Debian's hiredis speaks RESP2 without TLS.
int main(int count, char** words) {
  const std::vector<std::string> arguments(words, words + count);
  redisContext* context = redisConnect("localhost", std::stoi(arguments.at(1)));
  if (context == nullptr || context->err != 0) Fail("cannot connect");
  LogIn(context, arguments.at(4), arguments.at(5));
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::string> texts = Split(line, ' ');
    const bool transaction = texts.front() == "transaction";
    std::vector<Command> commands;
    for (size_t i = 1; i < texts.size(); ++i) commands.push_back(Parse(texts[i]));
    if (transaction) {
      commands.insert(commands.begin(), {"MULTI"});
      commands.push_back({"EXEC"});
    }
    std::vector<std::string> tokens = Ask(context, commands);
    if (tokens.empty()) {
      if (redisReconnect(context) != REDIS_OK) Fail("cannot connect again");
      LogIn(context, arguments.at(4), arguments.at(5));
      tokens = Ask(context, commands);
    }
    if (tokens.empty()) Fail(context->errstr);
    std::string answer = transaction ? tokens.back() : tokens.front();
    for (size_t i = 1; i < tokens.size() && !transaction; ++i) answer += " " + tokens[i];
    std::cout << answer << std::endl;
  }
  redisFree(context);
}
