// AnswerTo: what the admin server answers to the head of a request: the part of it that reads what
// strangers send, without sockets.
// Threads: pure but for the handlers it calls. Cost: parses the head once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "weir/admin/admin_server.h"

namespace weir::admin {

struct Answer {
  Response response = {};
  bool head_only = false;
  bool keep_alive = false;
};

Answer Refuse(int status, std::string why);

// Reads how many bytes of body follow the head into `*bytes`. Returns the answer to a request whose
// body is longer than `most`, or not told.
std::optional<Answer> BodyRefusal(std::string_view head, size_t most, size_t* bytes);

// Whether `given`, an Authorization, is `Bearer` and the token. Takes as long whatever part is
// right. An empty token is not asked for.
bool HasToken(std::string_view given, std::string_view token);

// `head`: request line and headers, up to and with the empty line. `bound_host`: the address that
// is listened on, as a Host names it. `token`: as AdminOptions::token.
Answer AnswerTo(std::string_view head, const Routes& routes, std::string_view bound_host,
                std::string_view token);

}  // namespace weir::admin
