// AnswerTo: what the admin server answers to the head of a request: the part of it that reads what
// strangers send, without sockets.
// Threads: pure but for the handlers it calls. Cost: parses the head once.
#pragma once

#include <string>
#include <string_view>

#include "weir/admin/admin_server.h"

namespace weir::admin {

struct Answer {
  Response response;
  bool head_only = false;
  bool keep_alive = false;
};

Answer Refuse(int status, std::string why);

// `head`: request line and headers, up to and with the empty line. `bound_host`: the address that
// is listened on, as a Host names it. `token`: as AdminOptions::token.
Answer AnswerTo(std::string_view head, const Routes& routes, std::string_view bound_host,
                std::string_view token);

}  // namespace weir::admin
