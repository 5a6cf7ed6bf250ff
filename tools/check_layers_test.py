#!/usr/bin/python3
"""Goal: the layer check finds each kind of violation, and nothing in a clean tree.

Method: a small clean tree is written to a temporary folder; each test plants one violation in it
and expects exactly the line that names it.
"""

import os
import subprocess
import sys
import tempfile
import unittest

import check_layers

CLEAN = {
    "weir/base/CMakeLists.txt": "weir_library(NAME base RANK 0 HDRS bytes.h)\n",
    "weir/base/bytes.h": "#pragma once\n#include <string>\n",
    "weir/ring/CMakeLists.txt": "weir_library(NAME ring RANK 1 DEPS base\n  HDRS ring.h)\n",
    "weir/ring/ring.h": '#include "weir/base/bytes.h"\n',
    "weir/cache/CMakeLists.txt": "weir_library(NAME cache RANK 1 DEPS base HDRS cache.h)\n",
    "weir/cache/cache.h": "// the index\n",
    "weir/net/CMakeLists.txt": "weir_library(NAME net RANK 2 DEPS base SRCS listener.cc)\n",
    "weir/net/listener.cc": "#include <sys/socket.h>\n#include <boost/asio/io_context.hpp>\n",
    "weir/store/memory/CMakeLists.txt":
        "weir_library(NAME store_memory RANK 3 DEPS base HDRS memory_store.h)\n",
    "weir/store/memory/memory_store.h": '#include "weir/base/bytes.h"\n',
    "weir/gateway/CMakeLists.txt":
        "weir_library(NAME gateway RANK 3 DEPS base ring\n"
        "  SRCS gateway.cc TESTS gateway_test.cc TEST_DEPS weir::store_memory rapidcheck)\n",
    "weir/gateway/gateway.cc": '#include "weir/ring/ring.h"\n',
    "weir/gateway/gateway_test.cc":
        '#include <sys/socket.h>\n#include "weir/store/memory/memory_store.h"\n',
    "cmd/weir/main.cc":
        '#include "weir/store/memory/memory_store.h"\n#include <rocksdb/db.h>\n',
}


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for path, text in CLEAN.items():
            self.plant(path, text)

    def plant(self, path, text):
        path = os.path.join(self.folder.name, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def expect(self, *parts):
        """Expects one violation, holding all `parts`."""
        errors = check_layers.check(self.folder.name)
        self.assertEqual(len(errors), 1, errors)
        for part in parts:
            self.assertIn(part, errors[0])

    def test_a_clean_tree_passes(self):
        self.assertEqual(check_layers.check(self.folder.name), [])

    def test_a_tree_without_libraries_does_not_pass(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(check_layers.check(empty), ["no weir_library was found"])

    def test_an_include_outside_deps_is_found_with_its_line(self):
        self.plant("weir/gateway/gateway.cc", '// two\n#include "weir/cache/cache.h"\n')
        self.expect("weir/gateway/gateway.cc:2:", "cache is not in the DEPS of gateway")

    def test_an_include_of_a_sibling_mechanism_is_found(self):
        self.plant("weir/ring/ring.h", '#  include "weir/cache/cache.h"\n')
        self.expect("weir/ring/ring.h:1:")

    def test_an_include_in_a_comment_counts_for_nothing(self):
        self.plant("weir/ring/ring.h", '/*\n#include "weir/cache/cache.h"\n*/\n')
        self.assertEqual(check_layers.check(self.folder.name), [])

    def test_a_dependency_on_an_equal_rank_is_found(self):
        self.plant("weir/ring/CMakeLists.txt",
                   "weir_library(NAME ring RANK 1 DEPS base cache HDRS ring.h)\n")
        self.expect("weir/ring (rank 1) depends on cache (rank 1)")

    def test_a_cycle_is_found_and_shown_whole(self):
        self.plant("weir/base/CMakeLists.txt",
                   "weir_library(NAME base RANK 0 DEPS ring HDRS bytes.h)\n")
        errors = check_layers.check(self.folder.name)
        self.assertIn("cycle: base -> ring -> base", errors)

    def test_an_unknown_dependency_is_found(self):
        self.plant("weir/ring/CMakeLists.txt",
                   "weir_library(NAME ring RANK 1 DEPS base river HDRS ring.h)\n")
        self.expect("weir/ring: river is declared by no weir_library")

    def test_a_driver_in_the_pipeline_is_found(self):
        self.plant("weir/gateway/gateway.cc", '#include "weir/store/memory/memory_store.h"\n')
        self.expect("store/memory is not in the DEPS of gateway")

    def test_a_driver_among_deps_is_found_whatever_the_rank(self):
        self.plant("weir/admin/CMakeLists.txt",
                   "weir_library(NAME admin RANK 5 DEPS store_memory HDRS a.h)\n")
        self.expect("weir/admin: depends on the driver store/memory")

    def test_a_mechanism_test_with_a_sibling_is_found(self):
        self.plant("weir/ring/CMakeLists.txt",
                   "weir_library(NAME ring RANK 1 DEPS base TEST_DEPS weir::cache)\n")
        self.expect("weir/ring (rank 1): TEST_DEPS name cache (rank 1)")

    def test_test_deps_are_for_tests_alone(self):
        self.plant("weir/gateway/pipeline.cc", '#include "weir/store/memory/memory_store.h"\n')
        self.expect("weir/gateway/pipeline.cc:1:")

    def test_a_weir_library_hidden_in_private_deps_is_found(self):
        self.plant("weir/net/CMakeLists.txt",
                   "weir_library(NAME net RANK 2 DEPS base PRIVATE_DEPS weir::ring)\n")
        self.expect("weir libraries go to DEPS")

    def test_a_relative_include_is_found_even_in_cmd(self):
        self.plant("cmd/weir/main.cc", '#include "../options.h"\n')
        self.expect("cmd/weir/main.cc:1:", "written from the root")

    def test_an_include_without_its_folder_is_found(self):
        self.plant("weir/ring/ring.h", '#include "points.h"\n')
        self.expect("weir/ring/ring.h:1:", "not written from the root")

    def test_an_include_of_rank_six_is_found(self):
        self.plant("weir/gateway/gateway.cc", '#include "cmd/weir/options.h"\n')
        self.expect("weir/gateway/gateway.cc:1:")

    def test_a_database_header_outside_its_driver_is_found_in_tests_too(self):
        self.plant("weir/gateway/gateway_test.cc", "#include <rocksdb/db.h>\n")
        self.expect("rocksdb/db.h belongs to weir/store/rocksdb alone")

    def test_libpq_outside_its_driver_is_found(self):
        self.plant("weir/gateway/gateway.cc", "#include <libpq-fe.h>\n")
        self.expect("belongs to weir/store/postgres alone")

    def test_a_socket_header_outside_net_is_found(self):
        for header in ("sys/socket.h", "netinet/tcp.h", "boost/asio/ip/tcp.hpp", "poll.h"):
            with self.subTest(header):
                self.plant("weir/gateway/gateway.cc", f"#include <{header}>\n")
                self.expect(header, "weir/net")

    def test_a_mechanism_test_opens_no_socket(self):
        self.plant("weir/ring/ring_test.cc", "#include <sys/socket.h>\n")
        self.expect("weir/ring/ring_test.cc:1:")

    def test_beast_is_for_admin_alone(self):
        self.plant("weir/net/listener.cc", "#include <boost/beast/http.hpp>\n")
        self.expect("belongs to weir/admin alone")

    def test_a_folder_without_a_library_is_found(self):
        self.plant("weir/river/river.h", "\n")
        self.expect("weir/river/river.h: its folder declares no weir_library")

    def test_a_name_that_is_not_the_folders_is_found(self):
        self.plant("weir/cache/CMakeLists.txt", "weir_library(NAME cash RANK 1)\n")
        self.assertTrue(any("NAME is not the folder's name" in error
                            for error in check_layers.check(self.folder.name)))

    def test_a_stale_picture_is_found_and_write_mends_it(self):
        begin, end = check_layers.PICTURE_BEGIN, check_layers.PICTURE_END
        self.plant(check_layers.PICTURE_FILE, f"# Title\n{begin}\nold\n{end}\ntail\n")
        self.expect("the layer picture is stale")
        subprocess.run([sys.executable, check_layers.__file__, "--root", self.folder.name,
                        "--write"], check=True)
        self.assertEqual(check_layers.check(self.folder.name), [])
        with open(os.path.join(self.folder.name, check_layers.PICTURE_FILE)) as file:
            self.assertRegex(file.read(), r"(?s)^# Title\n.*  gateway --> ring\n.*tail\n$")

    def test_a_page_without_a_place_for_the_picture_is_found(self):
        self.plant(check_layers.PICTURE_FILE, "# Title\n")
        self.expect("is missing")

    def test_the_exit_code_is_one_on_a_violation_and_zero_without(self):
        command = [sys.executable, check_layers.__file__, "--root", self.folder.name]
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)
        self.plant("weir/ring/ring.h", '#include "weir/cache/cache.h"\n')
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 1)


if __name__ == "__main__":
    unittest.main()
